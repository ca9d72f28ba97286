from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nadia_checks.core.errors import CheckError
from nadia_checks.pytest.command import added_options, pytest_command, pytest_environment
from nadia_checks.pytest.report import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from nadia_checks.core.project import Project


@pytest.fixture
def words(make_loaded: Callable[..., Project], tmp_path: Path) -> Callable[..., list[str]]:
    def build(addopts: str = "", **options: object) -> list[str]:
        project = make_loaded({"pytest.ini": f"[pytest]\naddopts = {addopts}\n"}, **options)
        return pytest_command(project, tmp_path, tmp_path / "tests.json")

    return build


@pytest.fixture
def with_pytest_cov(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "nadia_checks.pytest.command.find_spec",
        lambda name: object() if name == "pytest_cov" else find_spec(name),
    )


@pytest.mark.usefixtures("with_pytest_cov")
@pytest.mark.parametrize(
    ("addopts", "expected"), [("--cov=app", True), ("--cov", True), ("-ra", False)]
)
def test_a_second_measurement_is_turned_off(
    words: Callable[..., list[str]], addopts: str, expected: bool
) -> None:
    assert ("--no-cov" in words(addopts)) is expected


def test_the_workers(words: Callable[..., list[str]]) -> None:
    argv = words(workers=3)
    assert argv[argv.index("-n") + 1] == "3"


def test_workers_are_off_where_the_project_turned_them_off(
    words: Callable[..., list[str]],
) -> None:
    assert "-n" not in words("-p no:xdist", workers=3)


def test_options_of_the_project_count_and_those_of_a_shell_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.pytest]\naddopts = ["-k", "a b"]\n')
    monkeypatch.setenv("PYTEST_ADDOPTS", "-m 'not slow'")
    assert added_options(tmp_path) == ["-k", "a b"]
    assert "PYTEST_ADDOPTS" not in pytest_environment()


def test_options_that_are_not_closed(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -k 'open\n")
    assert added_options(tmp_path) == ["-k", "'open"]


def test_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_DIR", "elsewhere")
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "outer")
    monkeypatch.setenv("NADIA_GATE", "here")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    env = pytest_environment(rcfile=tmp_path)
    assert not {"GIT_DIR", "COVERAGE_PROCESS_CONFIG", "PYTHONDONTWRITEBYTECODE"} & set(env)
    assert (env["NADIA_GATE"], env["COVERAGE_PROCESS_START"]) == ("here", str(tmp_path))
    assert env["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert pytest_environment(preview=True)["PYTHONDONTWRITEBYTECODE"] == "1"


@pytest.mark.parametrize("text", ["{", '{"schema": "nadia/tests/2"}'])
def test_a_report_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tests.json"
    path.write_text(text)
    with pytest.raises(CheckError, match="the report of the test run cannot be read"):
        read_report(path)
