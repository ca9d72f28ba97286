"""NAD802: a monitoring file that Prometheus or Grafana would refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nadia_checks.core.errors import CheckError
from nadia_checks.monitoring import promtool

pytestmark = pytest.mark.integration

HEAD = "groups:\n- name: a\n  rules:\n"
GOOD = HEAD + "  - alert: Down\n    expr: up == 0\n"
PANEL = '{"panels": [{"type": "stat", "title": "T", "targets": [\n{"expr": %s}]}]}\n'


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        (
            "a.yml",
            HEAD + "  - alert: A\n    expr: sum(rate(up[5m])\n",
            5,
            "PromQL is wrong: unclosed",
        ),
        ("a.yml", HEAD + "  - alert: A\n    expr: rat(up[5m]) > 0\n", 5, "unknown function"),
        ("a.yml", HEAD + "  - record: a:b\n    expr: rate(up) > 0\n", 5, "expected type"),
        (
            "a.yml",
            HEAD + "  - alert: A\n    for: 5m\n  - {record: b, expr: up}\n",
            4,
            "without expr",
        ),
        ("a.yml", HEAD + "  - alert: A\n    expr: ''\n", 5, "PromQL is wrong"),
        ("a.yml", HEAD + "  - alert: A\n   expr: up == 0\n", 5, "cannot be read"),
        ("a.yaml", HEAD + "  - alert: A\n    expr: 'up\n", 6, "cannot be read"),
        ("a.json", PANEL % '"sum(up"', 2, "panel T whose PromQL is wrong"),
        ("a.json", PANEL % '"up" "down"', 2, "cannot be read"),
    ],
)
def test_is_found(only: Any, name: str, text: str, line: int, says: str) -> None:
    draft = only({f"monitoring/{name}": text})

    assert (draft.rule, draft.path, draft.line) == ("NAD802", f"monitoring/{name}", line)
    assert says in draft.message
    assert "\n" not in draft.message


def test_every_broken_expression_is_found(found: Any) -> None:
    rules = "".join(f"  - alert: A{number}\n    expr: up ==\n" for number in range(3))

    assert [line for _, line, _ in found("NAD802", {"a.yml": HEAD + rules})] == [5, 7, 9]


@pytest.mark.parametrize(
    "expression",
    ["up == $limit", "sum(rate(up[$__interval])) > 0", "up{job=~'$job'} == 0", "$metric > 0"],
)
def test_variables_are_no_fault(look: Any, expression: str) -> None:
    assert look({"a.json": PANEL % f'"{expression}"'}).drafts == []


def test_a_fault_beside_a_variable_in_a_range_is_found(only: Any) -> None:
    assert only({"a.json": PANEL % '"sum(rate(up[$__interval])"'}).rule == "NAD802"


def test_a_file_that_is_named_must_hold_rules(only: Any) -> None:
    draft = only({"a.yml": "global:\n  scrape_interval: 15s\n"}, 'paths = ["*.yml"]')

    assert (draft.rule, draft.path) == ("NAD802", "a.yml")
    assert "no rule" in draft.message


def test_a_file_that_only_looks_like_rules_is_left_alone(look: Any) -> None:
    text = "groups: 5\nother:\n  - alert: A\n    expr: up\n"

    assert look({"a.yml": text}).drafts == []


def test_what_no_program_writes_does_not_end_the_check(look: Any) -> None:
    odd = '{"panels": ["x", 5, null, {"type": 5, "targets": "x", "datasource": 7, "gridPos": {}}]}'
    half = '{"panels": [{"type": "graph", "title": "\\ud800", "targets": [{"expr": 5}]}]}'
    rules = "groups:\n- rules:\n  - alert: [1]\n    expr: {a: b}\n  - 7\n  - record: x\n"

    drafts = look({"odd.json": odd, "half.json": half, "a.yml": rules}).drafts

    assert [(draft.path, draft.line) for draft in drafts if draft.rule == "NAD802"] == [
        ("a.yml", 4),
        ("a.yml", 5),
        ("a.yml", 6),
    ]
    assert all(draft.message.isprintable() and draft.message.encode() for draft in drafts)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('paths = ["alerts/*.yml"]', "names 'alerts/*.yml', and no file is there"),
        ('paths = ["*.yml", "other.json"]', "other.json"),
        ('paths = ["*.toml"]', "pyproject.toml is neither YAML nor JSON"),
    ],
)
def test_what_is_named_must_be_there(look: Any, settings: str, says: str) -> None:
    with pytest.raises(CheckError, match=r"\[tool.nadia.monitoring\]") as raised:
        look({"a.yml": GOOD}, settings)

    assert says in str(raised.value)


def test_a_document_that_contains_itself_ends(look: Any) -> None:
    look({"a.yml": GOOD + "x: &x [*x]\n"})


def test_a_bomb_of_aliases_ends(look: Any) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

    assert look({"a.yml": GOOD + "\n".join(lines)}).drafts == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "- " * 100_000])
def test_deep_nesting_is_a_finding(only: Any, text: str) -> None:
    name = "a.yml" if text[0] == "-" else "a.json"

    draft = only({name: text}, f'paths = ["{name}"]')

    assert draft.rule == "NAD802"


@pytest.mark.parametrize(
    "expression", ["(" * 9000 + "up" + ")" * 9000, "-" * 5000 + "up", "up + " * 5000 + "up"]
)
def test_a_monster_is_a_finding(only: Any, expression: str) -> None:
    assert only({"a.yml": HEAD + f"  - alert: A\n    expr: {expression}\n"}).rule == "NAD802"


def test_a_chain_too_long_to_judge_ends(look: Any) -> None:
    chain = " or ".join(["redis_up == 0"] * 400)

    assert look({"a.yml": HEAD + f"  - alert: A\n    expr: {chain}\n"}).drafts == []


def test_a_template_is_counted_and_not_judged(look: Any) -> None:
    outcome = look({"a.yml": GOOD + "{{- if .Values.x }}\n  - {\n{{- end }}\n"})

    assert outcome.drafts == []
    assert outcome.metrics["templates_skipped"] == 1


@pytest.fixture
def promtool_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a promtool on PATH: lines of a shell script."""

    def install(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "promtool"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return folder

    return install


TESTS = "rule_files: [a.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n"


def test_promtool_is_asked_about_rules_and_their_tests(look: Any, promtool_says: Any) -> None:
    folder = promtool_says(f'echo "$PWD: $@" >> {"$(dirname $0)"}/log')

    assert look({"m/a.yml": GOOD, "m/a_test.yml": TESTS, "b.json": PANEL % '"up"'}).drafts == []
    log = folder.joinpath("log").read_text().splitlines()
    assert [line.partition("project/")[2] for line in log] == [
        "m: check rules a.yml",
        "m: test rules a_test.yml",
    ]


def test_what_promtool_refuses_is_found(only: Any, promtool_says: Any) -> None:
    promtool_says('echo "FAILED:" >&2; echo "a.yml: 4:3: group \\"a\\", bad" >&2; exit 1')

    draft = only({"a.yml": GOOD})

    assert (draft.rule, draft.line) == ("NAD802", 4)
    assert 'promtool check rules: a.yml: 4:3: group "a", bad' in draft.message


def test_promtool_is_not_asked_about_what_is_known_to_be_broken(
    only: Any, promtool_says: Any
) -> None:
    promtool_says("exit 1")

    assert "PromQL" in only({"a.yml": HEAD + "  - alert: A\n    expr: up ==\n"}).message


def test_promtool_is_not_asked_about_kubernetes(look: Any, promtool_says: Any) -> None:
    promtool_says("exit 1")
    text = GOOD.replace("groups", "  groups").replace("\n", "\n  ")

    assert look({"a.yml": f"apiVersion: v1\nkind: PrometheusRule\nspec:\n{text}\n"}).drafts == []


def test_a_promtool_that_hangs_is_ended(
    look: Any, promtool_says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    promtool_says("exec sleep 60")
    monkeypatch.setattr(promtool, "TIME_LIMIT", 0.1)

    with pytest.raises(CheckError, match="promtool took longer"):
        look({"a.yml": GOOD})
