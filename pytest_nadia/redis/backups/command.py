"""A project's own backup or restore command, run as its users run it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import IO

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_LINES_SHOWN = 15


class CommandFailedError(Exception):
    """The command could not be started, took too long, or ended with another code than 0."""


def command_call(command: Sequence[str] | str, url: str, seconds: float) -> Callable[[], None]:
    """A function that runs the command with REDIS_URL set. It raises `CommandFailedError`."""
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        raise ValueError("an empty command: give a program and its arguments, or a function")
    return partial(_run, words, url, seconds)


def _run(words: list[str], url: str, seconds: float) -> None:
    with tempfile.TemporaryFile() as output:
        code = _exit_code(words, url, seconds, output)
        if code == 0:
            return
        ended = f"did not end within {seconds:g} s" if code is None else f"gave exit code {code}"
        raise CommandFailedError(f"`{shlex.join(words)}` {ended}; {_last_lines(output)}")


def _exit_code(words: list[str], url: str, seconds: float, output: IO[bytes]) -> int | None:
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "REDIS_URL": url},
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailedError(f"`{shlex.join(words)}` cannot be run: {error}") from error
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # What it started in the background must not write to Redis later.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_lines(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    if not lines:
        return "it printed nothing"
    return "it printed, at the end:\n" + "\n".join(f"    {line}" for line in lines[-_LINES_SHOWN:])
