from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nadia_checks.core.config import Config, json_schema, parse_config, read_pyproject
from nadia_checks.core.errors import UsageError

pytestmark = pytest.mark.unit

CHECKS = ["lint", "secrets", "pytest"]


def test_an_empty_table_gives_the_defaults() -> None:
    config = parse_config({}, CHECKS)

    assert config == Config()
    assert (config.pytest.line_floor, config.pytest.branch_floor) == (80, 70)
    assert config.checks is None


def test_values_are_read() -> None:
    table = {
        "checks": ["lint", "pytest"],
        "skip": {"pytest": "done elsewhere"},
        "time_limit": 30,
        "pytest": {"workers": 3, "line_floor": 12.5, "args": ["-q"]},
    }

    config = parse_config(table, CHECKS)

    assert config.checks == ["lint", "pytest"]
    assert config.skip == {"pytest": "done elsewhere"}
    assert (config.pytest.workers, config.pytest.line_floor) == (3, 12.5)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"cheks": []},
            "pyproject.toml: [tool.nadia] has no key 'cheks'; did you mean 'checks'?",
        ),
        (
            {"pytest": {"line_flor": 1}},
            "pyproject.toml: [tool.nadia.pytest] has no key 'line_flor'; "
            "did you mean 'line_floor'?",
        ),
        (
            {"lint": {"zzz": 1}},
            "pyproject.toml: [tool.nadia.lint] has no key 'zzz'; known are format, time_limit",
        ),
        (
            {"checks": ["lnt"]},
            "pyproject.toml: [tool.nadia] names a check 'lnt' that does not exist; "
            "did you mean 'lint'?",
        ),
        (
            {"skip": {"everything": "why not"}},
            "pyproject.toml: [tool.nadia] names a check 'everything' that does not exist; "
            "known are lint, pytest, secrets",
        ),
        (
            {"checks": "lint"},
            "pyproject.toml: tool.nadia.checks: expected `array | null`, got `str`",
        ),
        (
            {"pytest": {"line_floor": "80"}},
            "pyproject.toml: tool.nadia.pytest.line_floor: expected `float`, got `str`",
        ),
        (
            {"pytest": {"line_floor": 101}},
            "pyproject.toml: tool.nadia.pytest.line_floor: expected `float` <= 100.0",
        ),
        (
            {"pytest": {"workers": -1}},
            "pyproject.toml: tool.nadia.pytest.workers: expected `int` >= 0",
        ),
        (
            {"checks": []},
            "pyproject.toml: tool.nadia.checks must name checks, each once; leave it out to run "
            "those that apply",
        ),
        (
            {"checks": ["lint", "lint"]},
            "pyproject.toml: tool.nadia.checks must name checks, each once; leave it out to run "
            "those that apply",
        ),
        (
            {"skip": {"lint": ""}},
            "pyproject.toml: tool.nadia.skip[...]: expected `str` of length >= 1",
        ),
        ({"time_limit": 0}, "pyproject.toml: tool.nadia.time_limit: expected `float` > 0.0"),
        ({"lint": []}, "pyproject.toml: tool.nadia.lint: expected `object`, got `array`"),
        ([], "pyproject.toml: tool.nadia: expected `object`, got `array`"),
    ],
)
def test_a_wrong_table_is_one_line_that_names_the_place(table: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_config(table, CHECKS)

    assert str(caught.value) == message


def test_a_missing_pyproject_is_empty(tmp_path: Path) -> None:
    assert read_pyproject(tmp_path / "pyproject.toml") == {}


@pytest.mark.parametrize("content", [b"[tool.nadia\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_broken_pyproject_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)

    with pytest.raises(UsageError, match=r"pyproject.toml is not valid TOML: .+") as caught:
        read_pyproject(tmp_path / "pyproject.toml")

    assert "\n" not in str(caught.value)


def test_a_folder_named_pyproject_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()

    with pytest.raises(UsageError, match="cannot be read"):
        read_pyproject(tmp_path / "pyproject.toml")


def test_the_schema_describes_every_key_and_refuses_others() -> None:
    schema = json.dumps(json_schema())

    assert "line_floor" in schema
    assert '"additionalProperties": false' in schema
