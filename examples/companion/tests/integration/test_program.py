"""The command line, in this process and once as a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from companion.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_nadia.redis.faults import RedisFaults
    from redis import Redis

    Run = Callable[..., tuple[int, list[str], list[str]]]

pytestmark = pytest.mark.integration

EVENING = Path(__file__).parents[2] / "transcripts" / "evening.jsonl"
SENT = [
    "ana: Hello! What is on your mind today?",
    'ben: You say "I had a long day / and the train was late again." Tell me more.',
    'ana: You ask "What do you think of my garden?" I would like to hear what you think first.',
    "dan: A doctor knows that better than I do. How do you feel?",
    'cleo: You ask "Do you know a good book?" I would like to hear what you think first.',
]


async def broken(_user: str, _text: str, _history: Sequence[Any]) -> str:
    raise RuntimeError("out of order")


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs the program; gives its exit code and the lines of its output and its errors."""
    monkeypatch.chdir(tmp_path)

    def run_main(*arguments: str) -> tuple[int, list[str], list[str]]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err.splitlines()

    return run_main


def test_a_transcript_is_played_to_the_end(run: Run, tmp_path: Path) -> None:
    code, out, err = run("--transcript", str(EVENING))
    assert (code, out) == (0, SENT)
    assert err == [
        "companion: WARNING: turn e5: the answer is blocked by the rule romance",
        "companion: WARNING: turn e8: the text is refused by the rule meetings",
    ]
    log = (tmp_path / "companion-sent.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in log] == ["e1", "e2", "e4", "e6", "e9"]


def test_what_an_earlier_redis_saw_sent_is_not_sent_again_and_said(
    run: Run, redis_client: Redis
) -> None:
    run("--transcript", str(EVENING))
    redis_client.flushdb()
    code, out, err = run("--transcript", str(EVENING))
    assert (code, out) == (0, [])
    assert err[-1] == "companion: 5 answers were sent before, says companion-sent.jsonl"


@pytest.fixture
def short(tmp_path: Path) -> str:
    """A transcript with two short conversations."""
    path = tmp_path / "short.jsonl"
    path.write_text(
        '{"id": "s1", "user": "ana", "text": "Hi"}\n{"id": "s2", "user": "ben", "text": "Yes"}\n'
    )
    return str(path)


ANA, BEN = "ana: Hello! What is on your mind today?", 'ben: You say "Yes" Tell me more.'


def test_the_second_time_nothing_is_new(run: Run, short: str) -> None:
    assert run("--transcript", short) == (0, [ANA, BEN], [])
    err = ["companion: nothing new: all 2 messages were taken before"]
    assert run("--transcript", short) == (0, [], err)


def test_a_transcript_does_not_decide_for_another_conversation(
    run: Run, world: Any, short: str
) -> None:
    async def before(parts: Any) -> None:
        await parts.hear(("x1", "eve", "Hi", 1e6))

    world.run(before)
    err = ["companion: 1 to review: run without --transcript to decide"]
    assert run("--transcript", short) == (0, [ANA, BEN], err)


def test_silence_and_lift(run: Run, short: str) -> None:
    assert run("--silence", "ana", "--reason", "rest") == (0, ["ana is silenced"], [])
    assert run("--silence", "ana") == (0, ["ana was silenced already"], [])
    assert run("--transcript", short) == (0, [BEN], [])
    assert run("--lift", "ana") == (0, ["ana is answered again"], [])
    assert run("--lift", "ana") == (0, ["ana was not silenced"], [])
    assert run("--transcript", short)[:2] == (0, [ANA])


def test_health(run: Run, redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cpu", "ram", "disk"):
        monkeypatch.setattr(f"companion.health.ThisMachine.{name}", lambda _self: 1.0)
    code, out, err = run("--health")
    assert (code, len(out), err) == (0, 14, [])
    redis_client.zadd("companion:review", {f"m{n}": n for n in range(51)})
    code, out, _ = run("--health")
    assert code == 1
    assert "warning   review         51 answers (limit 50)" in out


def test_recovery(run: Run, short: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run("--recovery")
    assert (code, len(out), err) == (1, 6, [])
    assert "unable to open database file" in out[1]
    assert run("--transcript", short)[0] == 0
    code, out, err = run("--recovery")
    assert (code, err) == (0, [])
    assert out[3] == "ok        cursors        0 open, all looked at within a day"
    monkeypatch.setattr("companion.model.MODEL_PAUSE", 0)
    monkeypatch.setitem(sys.modules, "broken_model", sys.modules[__name__])
    monkeypatch.setenv("COMPANION_MODEL", "broken_model:broken")
    assert run("--transcript", str(EVENING))[0] == 1
    code, out, _ = run("--recovery")
    assert code == 1
    assert out[4].startswith("critical  errors         ")


def test_a_model_that_fails_is_an_exit_code(
    run: Run, short: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("companion.model.MODEL_PAUSE", 0)
    monkeypatch.setitem(sys.modules, "broken_model", sys.modules[__name__])
    monkeypatch.setenv("COMPANION_MODEL", "broken_model:broken")
    code, out, err = run("--transcript", short)
    assert (code, out) == (1, [])
    assert err[-1].startswith("companion: 2 without an answer from the model (s1, s2): they are")
    monkeypatch.delenv("COMPANION_MODEL")
    assert run("--transcript", short)[:2] == (0, [ANA, BEN])


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--redis", "localhost"], 2, "--redis must look like redis://127.0.0.1:6379/0"),
        (["--transcript", "none.jsonl"], 2, "none.jsonl: cannot be read (No such file"),
        (["--transcript", "/"], 2, "/: cannot be read (Is a directory)"),
    ],
)
def test_an_error_is_one_line(run: Run, arguments: list[str], code: int, error: str) -> None:
    if "--redis" in arguments:
        arguments = [*arguments, "--transcript", str(EVENING)]
    found, out, err = run(*arguments)
    assert (found, out, len(err)) == (code, [], 1)
    assert err[0].startswith(f"companion: {error}")


@pytest.mark.parametrize("option", ["--transcript", "--silence"])
def test_no_redis_is_one_line(
    run: Run, short: str, redis_url: str, redis_faults: RedisFaults, option: str
) -> None:
    with redis_faults.down():
        found = run(option, short if option == "--transcript" else "ana")
    said = f"companion: Redis does not answer at {redis_url}: start it (redis-server), "
    assert found == (1, [], [f"{said}or name another with --redis URL or REDIS_URL"])


@pytest.mark.parametrize("option", ["--transcript", "--silence"])
def test_a_redis_that_hangs_is_one_line(
    run: Run,
    short: str,
    redis_faults: RedisFaults,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
) -> None:
    monkeypatch.setenv("COMPANION_REDIS_SECONDS", "0.05")
    with redis_faults.hang():
        code, out, err = run(option, short if option == "--transcript" else "ana")
    assert (code, out, len(err)) == (1, [], 1)
    assert err[0].startswith("companion: Redis does not answer at redis://")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NOAUTH", "refuses to log in: put user and password into REDIS_URL"),
        ("READONLY", "refuses a command: You can't write against a read only replica."),
        ("OOM", "refuses a command: command not allowed when used memory > 'maxmemory'."),
    ],
)
def test_a_redis_that_refuses_is_one_line_and_the_next_try_goes_on(
    run: Run, short: str, redis_url: str, redis_faults: RedisFaults, text: str, said: str
) -> None:
    with redis_faults.error(text):
        code, out, err = run("--transcript", short)
    assert (code, out, err) == (1, [], [f"companion: Redis at {redis_url} {said}"])
    assert run("--transcript", short) == (0, [ANA, BEN], [])


def test_a_program_that_ends_leaves_no_connection(run: Run, short: str, opened: Any) -> None:
    for arguments in (["--transcript", short], ["--silence", "ana"], ["--lift", "ana"]):
        assert run(*arguments)[0] == 0
    run("--health")
    assert opened.count >= 4
    assert opened.still_open == 0


def test_every_wrong_setting_is_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_WINDOW", "soon")
    monkeypatch.setenv("COMPANION_ZZ", "red")
    code, _, err = run("--transcript", str(EVENING))
    assert code == 2
    assert err == [
        "companion: COMPANION_WINDOW must be a number, not 'soon'",
        "companion: COMPANION_ZZ is not a setting",
    ]


def test_an_interruption_ends_with_130(run: Run, redis_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "companion"]
    environment = {**os.environ, "PYTHONPATH": str(EVENING.parents[1]), "REDIS_URL": redis_url}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("Write to the companion")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
    assert (program.returncode, out, err) == (130, "", "")


def test_a_reader_who_goes_away_is_no_traceback(redis_url: str, tmp_path: Path, short: str) -> None:
    command = [sys.executable, "-m", "companion", "--transcript", short]
    environment = {**os.environ, "PYTHONPATH": str(EVENING.parents[1]), "REDIS_URL": redis_url}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
