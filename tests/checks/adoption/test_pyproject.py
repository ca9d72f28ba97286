from __future__ import annotations

import tomllib

import pytest

from nadia_checks.adoption.pyproject import Settings, add_table
from nadia_checks.core.config import parse_config
from nadia_checks.core.errors import UsageError
from nadia_checks.registry import CHECK_NAMES

SETTINGS = Settings(
    checks=["lint", "pytest"],
    packages=["bot", "src/wörk"],
    left_out={"types": "mypy said:\n'no'\x1b[0m"},
    in_one_process=True,
    line_floor=43,
    branch_floor=0,
)
EXPECTED = {
    "checks": ["lint", "pytest"],
    "packages": ["bot", "src/wörk"],
    "pytest": {"workers": 0, "line_floor": 43, "branch_floor": 0},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[project]\nname = "x"',
        '[project]\nname = "x"\n',
        '[project]\r\nname = "x"\r\n',
        '[project]\nname = "x"\n\n',
        "# only a comment\n",
        "[tool.ruff]\nline-length = 90\n",
        "tool.ruff.line-length = 90\n",
        "[tool]\n",
        "[[tool.mypy.overrides]]\nmodule = 'x'\n",
    ],
)
def test_adds_the_table_and_keeps_every_byte(text: str) -> None:
    after = add_table(text, SETTINGS)
    assert after.startswith(text)
    assert tomllib.loads(after)["tool"]["nadia"] == EXPECTED
    if "\r" in text:
        assert after.count("\n") == after.count("\r\n")


def test_what_it_writes_is_a_configuration() -> None:
    table = tomllib.loads(add_table("", SETTINGS))["tool"]["nadia"]
    config = parse_config(table, CHECK_NAMES)
    assert config.pytest.line_floor == 43
    assert config.pytest.workers == 0


def test_says_in_the_file_what_is_left_out() -> None:
    (line,) = [line for line in add_table("", SETTINGS).splitlines() if "left out" in line]
    assert line == r"""# "types" could not run and is left out: mypy said:\n'no'\x1b[0m"""


def test_leaves_out_what_is_not_known() -> None:
    assert add_table("", Settings(checks=["lint"])) == '[tool.nadia]\nchecks = ["lint"]\n'


def test_separates_the_table_by_one_blank_line() -> None:
    assert add_table("a = 1", Settings()).startswith("a = 1\n\n[tool.nadia]\n")
    assert add_table("a = 1\n", Settings()).startswith("a = 1\n\n[tool.nadia]\n")
    assert add_table("a = 1\n\n", Settings()).startswith("a = 1\n\n[tool.nadia]\n")


@pytest.mark.parametrize("text", ["tool = {ruff = {}}\n", "[tool.nadia]\n", "a = [\n"])
def test_refuses_where_toml_does_not_allow_it(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be added at its end"):
        add_table(text, SETTINGS)
