"""docs/redis.md does not lie: what it shows is run, and its tables are the code's own."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from pytest_nadia.redis import fixtures
from pytest_nadia.redis.faulting.error_texts import FULL_TEXTS
from pytest_nadia.redis.faults import RedisFaults
from pytest_nadia.redis.retrying.report import Verdict
from pytest_nadia.redis.session.marker import DEFAULT
from pytest_nadia.redis.settings import LINTS, RedisSettings, parse_settings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "redis.md"
DIVERGENCES = ROOT / "tests" / "pytest_nadia" / "redis" / "data" / "divergences.toml"

PUBLIC = ("_url", "_client", "_server", "_faults", "_ledger", "_safe", "_roundtrip")

FAULT_TABLE = """
import time

import pytest
import redis


def first_error(client, call, tries):
    for _ in range(tries):
        try:
            client.incr("visits")
            client.info()
            if "NOSCRIPT" in call:
                client.evalsha("0" * 40, 0)
        except redis.RedisError as error:
            return type(error).__name__
        time.sleep(0.02)
    return ""


@pytest.mark.parametrize(("call", "error"), CASES)
def test_row(redis_faults, redis_server, call, error):
    client = redis_server.client(socket_timeout=0.2)
    with eval(f"redis_faults.{call}"):
        assert first_error(client, call, tries=50 if error else 1) == error
"""


@pytest.fixture
def page(page_of: Callable[[Path], Any]) -> Any:
    return page_of(PAGE)


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table below a line that begins with `head`, without code marks."""
    lines = text[text.index(f"\n{head}") :].lstrip("\n").splitlines()[2:]
    table = "\n".join(lines).partition("\n\n")[0].splitlines()
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in table]


def fault_cases(text: str) -> list[tuple[str, str]]:
    faults = rows(text, "| `redis_faults.` |")
    cases = [(call, "".join(re.findall(r"^\w+Error", third))) for call, _, third in faults]
    for names, _, errors in rows(text, "| `error(...)` |"):
        pairs = zip(names.split(", "), errors.split(", "), strict=False)
        cases += [(f"error({name!r})", error) for name, error in pairs]
    return cases


@pytest.mark.integration
@pytest.mark.slow
def test_every_example_does_what_the_page_says(
    page: Any, run_examples: Callable[..., None]
) -> None:
    run_examples([one for one in page.examples() if not one.is_for_commands])


@pytest.mark.integration
@pytest.mark.slow
def test_every_fault_does_what_the_table_says(
    page: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = fault_cases(page.text)
    pytester.makepyfile(f"{FAULT_TABLE.replace('CASES', repr(cases))}")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    result = pytester.runpytest_subprocess("-p", "nadia", timeout=120)

    result.assert_outcomes(passed=len(cases))
    assert len(cases) > 20


@pytest.mark.e2e
@pytest.mark.slow
def test_every_command_does_what_the_page_says(
    page: Any,
    tmp_path: Path,
    appears: Callable[[str, str], bool],
    require: Callable[[str], str],
    clean_env: dict[str, str],
) -> None:
    require("redis-server")
    for example in page.examples():
        if example.is_for_commands:
            (tmp_path / example.file).write_text(example.code)
    clean_env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean_env['PATH']}"
    for command, shown in page.commands():
        if command != "pip install 'pytest-nadia[all]'":
            done = run(command, tmp_path, clean_env)
            assert appears(shown, done.stdout), f"{command}\n{done.stdout}\n{done.stderr}"
            assert shown or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def run(command: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # Only our plugin, so that the others' words are not among what is compared.
    line = [*shlex.split(command)]
    if "pytest" in line:
        line += ["-p", "nadia", "-p", "no:cacheprovider"]
        env = {**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.unit
def test_every_configuration_is_valid(page: Any) -> None:
    tables = [tomllib.loads(text) for language, text in page.blocks if language == "toml"]
    read = [parse_settings(table["tool"]["nadia"]["redis"]) for table in tables]

    assert RedisSettings() in read
    assert len(read) > 2


@pytest.mark.unit
def test_the_defaults_name_every_key(page: Any) -> None:
    tables = [tomllib.loads(text) for language, text in page.blocks if language == "toml"]

    assert set(RedisSettings.__struct_fields__) in [
        set(t["tool"]["nadia"]["redis"]) for t in tables
    ]


@pytest.mark.unit
def test_every_fixture_fault_lint_and_verdict_is_named(page: Any) -> None:
    text = page.text
    faults = [name for name, _ in inspect.getmembers(RedisFaults) if name[0] != "_"]

    assert {row[0] for row in rows(text, "| fixture |")} == {
        name for name in vars(fixtures) if name.endswith(PUBLIC) and name[0] != "_"
    }
    assert {row[0].partition("(")[0] for row in rows(text, "| `redis_faults.` |")} == {
        name for name in faults if name != "check_used"
    }
    assert {row[0]: row[1] for row in rows(text, "| rule |")} == LINTS
    assert {row[0] for row in rows(text, "| verdict |")} == set(get_args(Verdict))
    short = ", ".join(row[0] for row in rows(text, "| `error(...)` |"))
    assert sorted(short.split(", ")) == sorted(FULL_TEXTS)


@pytest.mark.unit
def test_every_argument_of_the_marker_is_shown(page: Any) -> None:
    named = set(re.findall(r"(\w+)=", "".join(re.findall(r"mark\.redis\([^)]*\)", page.text))))

    assert named == set(DEFAULT.__slots__)


@pytest.mark.unit
def test_the_known_divergences_are_those_of_the_differential_test(page: Any) -> None:
    limits = page.text.partition("What is known to differ:\n")[2].partition("\n## ")[0]
    listed = [" ".join(one.split()) for one in limits.split("\n- ")[1:]]
    known = tomllib.loads(DIVERGENCES.read_text())["divergence"]

    assert sorted(listed) == sorted({one["why"] for one in known}), "let the page list them all"
