from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "pytest_nadia.redis"]
SHOW_URL = [sys.executable, "-c", "import os; print(os.environ['REDIS_URL'])"]


@pytest.fixture
def program(clean_env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(PROGRAM, stdin=pipe, stdout=pipe, env=clean_env, text=True) as running:
        yield running
        running.kill()


def first_line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def test_the_program_serves_until_its_input_closes(
    program: subprocess.Popen[str], answers: Callable[[str], bool]
) -> None:
    url = first_line(program)
    assert answers(url)
    program.communicate(timeout=20)
    assert program.returncode == 0
    assert not answers(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_on_a_signal(
    program: subprocess.Popen[str], number: signal.Signals, answers: Callable[[str], bool]
) -> None:
    url = first_line(program)
    program.send_signal(number)
    assert program.wait(timeout=20) == 0
    assert not answers(url)


def test_a_command_gets_the_url(clean_env: dict[str, str]) -> None:
    run = subprocess.run(
        [*PROGRAM, "--", *SHOW_URL], env=clean_env, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("redis://127.0.0.1:")
    assert run.stdout.endswith("/0\n")
    assert run.stderr == ""


def run_command(clean_env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [*PROGRAM, *arguments]
    return subprocess.run(line, env=clean_env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", 137),
    ],
)
def test_the_exit_code_is_the_commands(clean_env: dict[str, str], code: str, status: int) -> None:
    assert run_command(clean_env, "--", sys.executable, "-c", code).returncode == status


def test_arguments_after_the_command_are_its_own(clean_env: dict[str, str]) -> None:
    show = "import sys; print(sys.argv[1:])"
    run = run_command(clean_env, "--", sys.executable, "-c", show, "--help", "--", "x")
    assert run.stdout == "['--help', '--', 'x']\n"


def test_termination_is_passed_on_to_the_command(clean_env: dict[str, str]) -> None:
    wait = "import time; print('ready', flush=True); time.sleep(60)"
    line = [*PROGRAM, "--", sys.executable, "-c", wait]
    with subprocess.Popen(line, env=clean_env, stdout=subprocess.PIPE, text=True) as running:
        assert first_line(running) == "ready"
        running.terminate()
        assert running.wait(timeout=20) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--"], "a command must follow --"),
        (["pytest"], "unrecognized arguments: pytest"),
        (["--", "/no/such/program"], "cannot run /no/such/program: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    clean_env: dict[str, str], arguments: list[str], problem: str
) -> None:
    run = run_command(clean_env, *arguments)
    assert run.returncode == 2
    assert problem in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_help_explains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    shown = capsys.readouterr().out
    assert "REDIS_URL" in shown
    assert "-- COMMAND ARG..." in shown


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fakeredis", None)
    assert command.main([]) == 2
    assert capsys.readouterr().err == (
        "the embedded Redis needs fakeredis, not installed here: pip install 'pytest-nadia[all]'\n"
    )


def test_without_a_server_on_the_path_its_own_way_out_is_told(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    run = run_command({**clean_env, "PATH": str(tmp_path)}, "--server")
    assert run.returncode == 2
    assert run.stderr == (
        "redis-server not found: install it (apt install redis-server, brew install redis) "
        "or leave --server out\n"
    )
