"""Bad input to the command: one line, the exit code of the table, no traceback."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from nadia_checks.cli import main

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _outside_a_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NADIA_GATE", raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"nadia {version('pytest-nadia')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["gate", "--help"], ["init", "--help"]])
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 0
    assert "usage: nadia" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gat"], "there is no command 'gat'; did you mean 'gate'?"),
        (["gate", "--colour"], "unrecognized arguments: --colour (see 'nadia gate --help')"),
        (["gate", "--time-limit", "soon"], "'soon' is not a number of seconds above 0"),
        (["gate", "--time-limit", "0"], "'0' is not a number of seconds above 0"),
        (["gate", "--jobs", "0"], "'0' is not a whole number from 1"),
        (["gate", "--only", "lnt"], "there is no check 'lnt'; did you mean 'lint'?"),
        (["gate", "nowhere"], "nowhere does not exist: name a folder of the project"),
        (["gate", "--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_a_wrong_command_is_one_line(
    arguments: list[str],
    message: str,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(repository)

    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("nadia: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("pyproject", "message"),
    [
        ("[tool.nadia\n", "is not valid TOML"),
        ("[tool.nadia]\nchekcs = []\n", "has no key 'chekcs'; did you mean 'checks'?"),
        ("[tool.nadia]\nchecks = 3\n", "tool.nadia.checks: expected `array | null`, got `int`"),
    ],
)
def test_a_wrong_configuration_is_one_line(
    pyproject: str, message: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "pyproject.toml").write_text(pyproject)

    assert main(["gate", str(repository)]) == 2

    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_outside_a_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"nadia: {tmp_path} is not in a git repository: run 'git init' there first\n"
    )


def test_a_gate_inside_a_gate_is_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NADIA_GATE", "/some/project")

    assert main(["gate", str(repository)]) == 2
    assert "a gate is already running on /some/project" in capsys.readouterr().err


def test_our_own_fault_says_so_and_is_incomplete(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("nadia_checks.core.gate.run_gate", broken)

    assert main(["gate", str(repository)]) == 3

    captured = capsys.readouterr().err
    assert "ZeroDivisionError: planted" in captured
    assert "this is a bug of pytest-nadia" in captured


def test_an_interruption_is_130(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nadia_checks.core.gate.run_gate", interrupted)

    assert main(["gate", str(repository)]) == 130
    assert capsys.readouterr().err == "nadia: interrupted\n"
