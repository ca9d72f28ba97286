from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from nadia_checks.core.config import parse_config
from nadia_checks.core.errors import UsageError
from pytest_nadia.redis.settings import (
    RedisSettings,
    SettingsError,
    parse_settings,
    read_settings,
    with_lints,
)

pytestmark = pytest.mark.unit

WRONG: list[tuple[Any, str]] = [
    (
        {"expire": []},
        "pyproject.toml: [tool.nadia.redis] has no key 'expire'; did you mean 'expires'?",
    ),
    (
        {"zzz": []},
        "pyproject.toml: [tool.nadia.redis] has no key 'zzz'; "
        "known are autouse, elements, env, expires, lints, repeated",
    ),
    (
        {"lints": {"conection-left-open": "error"}},
        "pyproject.toml: [tool.nadia.redis] lints: there is no lint 'conection-left-open'; "
        "did you mean 'connection-left-open'?",
    ),
    (
        {"lints": {"NAD401": "warning"}},
        "pyproject.toml: [tool.nadia.redis] lints: NAD401 cannot be 'warning'; "
        'it is "error", "note" or "off"',
    ),
    (
        {"lints": "error"},
        "pyproject.toml: tool.nadia.redis.lints: expected `object`, got `str`",
    ),
    (
        {"env": "REDIS_URL"},
        "pyproject.toml: tool.nadia.redis.env: expected `array`, got `str`",
    ),
    (
        {"autouse": [""]},
        "pyproject.toml: tool.nadia.redis.autouse[0]: expected `str` of length >= 1",
    ),
    (
        {"env": ["A=B"]},
        "pyproject.toml: tool.nadia.redis.env[0]: "
        "expected `str` matching regex '^[A-Za-z_][A-Za-z0-9_]*$'",
    ),
    ({"repeated": 0}, "pyproject.toml: tool.nadia.redis.repeated: expected `int` >= 1"),
    ([], "pyproject.toml: tool.nadia.redis: expected `object`, got `array`"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path


def configure(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)


def test_the_defaults() -> None:
    assert parse_settings({}) == RedisSettings()
    assert RedisSettings() == RedisSettings(
        autouse=[], env=["REDIS_URL"], expires=[], lints={}, repeated=20, elements=1000
    )


@pytest.mark.parametrize(
    "text",
    [
        '[tool.nadia.redis]\nautouse = ["tests"]\n',
        '[tool.nadia]\nredis.autouse = ["tests"]\n',
        '[tool]\nnadia = {redis = {autouse = ["tests"]}}\n',
    ],
)
def test_the_table_is_read_however_it_is_written(project: Path, text: str) -> None:
    configure(project, text)

    assert read_settings(project).autouse == ["tests"]


@pytest.mark.parametrize("text", ["", "[tool.nadia]\n", "[tool.redis]\n", "tool = 1\n"])
def test_without_the_table_the_defaults_hold(project: Path, text: str) -> None:
    configure(project, text)

    assert read_settings(project) == RedisSettings()


def test_without_a_file_the_defaults_hold(project: Path) -> None:
    assert read_settings(project) == RedisSettings()
    assert read_settings(project / "nowhere") == RedisSettings()


def test_a_file_without_the_table_is_not_parsed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(text: str) -> None:
        raise AssertionError(text)

    configure(project, '[project]\ndependencies = ["redis"]\n')
    monkeypatch.setattr(tomllib, "loads", never)

    assert read_settings(project) == RedisSettings()


@pytest.mark.parametrize(("table", "message"), WRONG)
def test_a_wrong_table_is_one_line_that_names_the_place(table: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(table)

    assert str(caught.value) == message


@pytest.mark.parametrize(("table", "message"), WRONG)
def test_the_gate_says_the_same(table: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_config({"redis": table}, [])

    assert str(caught.value) == message


@pytest.mark.parametrize("content", [b"[tool.nadia.redis\n", b"\xff nadia redis"])
def test_a_broken_file_is_one_line(project: Path, content: bytes) -> None:
    (project / "pyproject.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=r"pyproject.toml is not valid TOML: .+") as caught:
        read_settings(project)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\nnadia = 3\n",
        "tool.nadia = 3\n",
        'tool = {"nadia" = 3}\n',
        '[project]\nname = "redis"\n[tool]\nnadia = 3\n',
    ],
)
def test_a_value_in_the_place_of_the_table_is_one_line(project: Path, text: str) -> None:
    configure(project, text)

    with pytest.raises(SettingsError) as caught:
        read_settings(project)
    assert str(caught.value) == (
        "pyproject.toml: tool.nadia: expected a table, got 3: write its keys below [tool.nadia]"
    )


def test_a_list_of_tables_is_no_table(project: Path) -> None:
    configure(project, "[[tool.nadia]]\nchecks = []\n")

    with pytest.raises(SettingsError, match="expected a table"):
        read_settings(project)


def test_a_folder_instead_of_the_file_is_one_line(project: Path) -> None:
    (project / "pyproject.toml").mkdir()

    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(project)


@pytest.mark.parametrize(
    ("lints", "level"),
    [
        ({}, "note"),
        ({"all": "error"}, "error"),
        ({"NAD401": "off"}, "off"),
        ({"connection-left-open": "off"}, "off"),
        ({"all": "error", "NAD401": "off"}, "off"),
        ({"all": "error", "connection-left-open": "note"}, "note"),
        ({"NAD402": "off"}, "note"),
    ],
)
def test_the_level_of_a_lint(lints: dict[str, str], level: str) -> None:
    assert parse_settings({"lints": lints}).level("NAD401") == level


@pytest.mark.parametrize(
    ("project_wide", "marker", "level"),
    [
        ({"connection-left-open": "off"}, {"NAD401": "error"}, "error"),
        ({"NAD401": "error"}, {"connection-left-open": "off"}, "off"),
        ({"NAD401": "off"}, {"all": "error"}, "error"),
        ({"all": "error"}, {"NAD402": "off"}, "error"),
        ({"all": "error"}, {"NAD401": "off"}, "off"),
    ],
)
def test_a_marker_counts_before_the_project(
    project_wide: dict[str, str], marker: dict[str, str], level: str
) -> None:
    settings = with_lints(parse_settings({"lints": project_wide}), marker)

    assert settings.level("NAD401") == level


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ({"NAD499": "off"}, "lints: there is no lint 'NAD499'; did you mean 'NAD40"),
        ({"NAD401": "on"}, "lints: NAD401 cannot be 'on'; it is"),
        ({1: "off"}, "lints: there is no lint 1; known are NAD401, "),
    ],
)
def test_a_wrong_marker_is_one_line(marker: dict[Any, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        with_lints(RedisSettings(), marker)

    assert str(caught.value).startswith(message)
