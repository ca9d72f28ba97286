"""`nadia health`: the table, the document, the exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nadia_checks.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def nadia(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `nadia health`, and gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["health", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_the_configured_check_is_put_to_the_test(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = nadia(make_bot("good"))

    assert (code, err) == (0, "")
    assert "noticed       redis-down" in out
    assert out.splitlines()[-1] == (
        "15 of 15 faults noticed, 0 missed, 0 hung, 0 crashed, 0 false alarms, 44 not applicable"
    )


def test_another_check_is_named_on_the_command_line(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    root = make_bot("good", 'except = ["never-needed"]')

    code, out, _ = nadia(root, "--check", "bot.health:wrong", "--deadline", "0.5")

    assert code == 1
    assert "hung          redis-hang" in out
    assert "no result within 0.5 s" in out
    assert "excepted" not in out


def test_exceptions_are_counted(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = nadia(make_bot("wrong", 'except = ["*"]'))

    assert code == 0
    assert "excepted by [tool.nadia.health] except" in out


def test_the_document(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = nadia(make_bot("good"), "--format", "json")

    document: dict[str, Any] = json.loads(out)
    assert code == 0
    assert list(document) == ["schema", "verdict", "healthy_run", "rows", "score"]
    assert document["schema"] == "nadia/health/1"
    assert document["verdict"] == "pass"
    assert document["healthy_run"] == "healthy: 1 in the queue"
    assert list(document["rows"][0]) == ["fault", "outcome", "seconds", "detail"]
    assert document["score"] == {
        "applicable": 15,
        "noticed": 15,
        "missed": 0,
        "hung": 0,
        "crashed": 0,
        "false_alarms": 0,
    }


@pytest.mark.parametrize(
    ("check", "verdict", "code"), [("wrong", "fail", 1), ("red", "incomplete", 3)]
)
def test_the_documents_verdict_is_the_exit_codes(
    make_bot: Callable[..., Path],
    nadia: Callable[..., tuple[int, str, str]],
    check: str,
    verdict: str,
    code: int,
) -> None:
    ended, out, _ = nadia(make_bot(check), "--format", "json")

    assert (json.loads(out)["verdict"], ended) == (verdict, code)


def test_red_before_any_fault_is_incomplete(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = nadia(make_bot("red"))

    assert code == 3
    assert out == (
        "red before any fault: unhealthy: the moon is full; "
        "pass healthy= a function that fills Redis\n"
    )


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("true", 0, "healthy\n"),
        ("sh -c 'echo Redis is away; exit 1'", 1, "unhealthy: Redis is away\n"),
        ("sleep 60", 3, "hung: no result within 0.3 s\n"),
        ("no-such-program", 3, "the check crashed: CheckCrashedError: no-such-program cannot"),
    ],
)
def test_the_real_system_is_looked_at_once(
    make_bot: Callable[..., Path],
    nadia: Callable[..., tuple[int, str, str]],
    command: str,
    code: int,
    said: str,
) -> None:
    ended, out, _ = nadia(
        make_bot("good"), "--live", "--wait", 0, "--check", command, "--deadline", 0.3
    )

    assert ended == code
    assert out.startswith(said)


def test_the_real_system_is_waited_for(
    make_bot: Callable[..., Path],
    nadia: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:
    looked = tmp_path / "looked"
    command = f"sh -c 'test -e {looked} || {{ touch {looked}; exit 1; }}'"

    code, out, _ = nadia(make_bot("good"), "--live", "--wait", 20, "--check", command)

    assert (code, out) == (0, "healthy\n")


def test_the_real_machine_is_measured(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    root = make_bot("machine")
    (root / "src" / "bot" / "machine.py").write_text(
        "import psutil\n"
        "def check():\n"
        "    return 'ok', f'patched: {psutil.virtual_memory.__module__ != \"psutil\"}'\n"
    )

    code, out, _ = nadia(root, "--live", "--wait", 0, "--check", "bot.machine:check")

    assert (code, out) == (0, "healthy: ok; patched: False\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check", "bot.helth:good"], "there is no module bot.helth"),
        (["--check", "bot.health:god"], "bot.health:god: bot.health has no 'god'"),
        (["--check", "bot.lost:x"], "bot.lost → no_such_tokenizer is not installed"),
        (["--healthy", "bot.health:empty"], "bot.health has no 'empty'"),
        (["--deadline", "0"], "'0' is not a number of seconds above 0"),
        (["--wait", "3"], "--wait goes with --live"),
    ],
)
def test_a_wrong_command_is_one_line(
    make_bot: Callable[..., Path],
    nadia: Callable[..., tuple[int, str, str]],
    arguments: list[str],
    message: str,
) -> None:
    code, out, err = nadia(make_bot("good"), *arguments)

    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_without_a_check_it_says_how_to_name_one(
    make_bot: Callable[..., Path], nadia: Callable[..., tuple[int, str, str]]
) -> None:
    root = make_bot("good")
    (root / "pyproject.toml").write_text("")

    code, _, err = nadia(root)

    assert code == 2
    assert "no health check is named: pass --check package.module:callable" in err
