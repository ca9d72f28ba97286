from __future__ import annotations

import re

import pytest

from nadia_checks import cli
from nadia_checks.registry import load_checks
from nadia_checks.rules import RULES, TOOLS
from pytest_nadia.finding import Rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.number)
def test_prints_everything_about_a_rule(rule: Rule, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", rule.number]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{rule.number} {rule.name} ({rule.severity})\n")
    for text in (rule.what, rule.why, rule.repair, rule.bad, rule.good):
        assert re.sub(r"\s+", " ", text) in re.sub(r"\s+", " ", out)


@pytest.mark.parametrize("word", ["nad801", "NAD801", "stale-baseline-entry"])
def test_takes_a_number_in_any_case_or_a_name(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", word]) == 0
    assert capsys.readouterr().out.startswith("NAD801 ")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ruff:F401", "is rule F401 of ruff, run by the check 'lint'\nread: ruff rule F401"),
        ("bandit:B602", "is rule B602 of bandit, run by the check 'security'\nread: https"),
        ("mypy:arg-type", "read: https://mypy.readthedocs.io/en/stable/_refs.html#code-arg-type"),
        ("detect-secrets:aws-access-key", "read: detect-secrets scan --list-all-plugins"),
    ],
)
def test_says_where_another_tool_explains_its_rule(
    word: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", word]) == 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("NAD8O1", "did you mean 'NAD801'?"),
        ("pytest:fail", "did you mean 'pytest:failed'?"),
        ("bandit:", "did you mean 'bandit:RULE'?"),
        ("xyz", "known are NAD301, NAD401, "),
    ],
)
def test_suggests_the_nearest_name(
    word: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", word]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert expected in said.err
    assert said.err.count("\n") == 1


def test_lists_all_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(RULES)]] == [rule.number for rule in RULES]
    assert lines[-1].endswith("detect-secrets:RULE (secrets)")


def test_the_registry_covers_what_the_checks_may_give() -> None:
    ours = {rule.number for rule in RULES}
    assert len(ours) == len(RULES)
    families = {rule.partition(":")[0] + ":" for rule in ours if ":" in rule}
    for check in load_checks().values():
        for name in check.rules:
            assert name in ours | families | {tool.prefix for tool in TOOLS}
