"""`python -m pytest_nadia.redis`: the Redis of the tests as a program."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Literal, NoReturn

from pytest_nadia.redis.backends.spawn import ELSE_EMBEDDED
from pytest_nadia.redis.process import FrontError, run_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_nadia.redis.process import Front

_DESCRIPTION = """\
A Redis of its own on a free port of 127.0.0.1, empty at the start and forgotten at the end.

Without a command, prints its URL as the first line and serves until standard input closes or
SIGTERM or SIGINT arrives. With a command, runs it with REDIS_URL set to that URL and ends with
the command's exit code."""


class _Stop(Exception):
    """Somebody asked the program to end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; gives its exit code (2: wrong usage, or something is not installed)."""
    kind, command = _parse(list(sys.argv[1:] if argv is None else argv))
    try:
        with run_front(kind) as front:
            return _run(front, command) if command else _serve(front)
    except FrontError as error:
        # pytest's option is none of this program.
        return _fail(str(error).replace(ELSE_EMBEDDED, "or leave --server out"))


def _parse(arguments: list[str]) -> tuple[Literal["embedded", "server"], list[str]]:
    own, separator, command = arguments, "", []
    if "--" in arguments:
        at = arguments.index("--")
        own, separator, command = arguments[:at], "--", arguments[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m pytest_nadia.redis",
        usage="%(prog)s [-h] [--server] [-- COMMAND ARG...]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--server",
        action="store_true",
        help="start redis-server or valkey-server from PATH instead of the embedded Redis",
    )
    options = parser.parse_args(own)
    if separator and not command:
        parser.error("a command must follow --")
    return "server" if options.server else "embedded", command


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


def _serve(front: Front) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        print(front.url, flush=True)
        while os.read(0, 4096):
            pass
    except _Stop:
        pass
    return 0


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stop


def _run(front: Front, command: Sequence[str]) -> int:
    try:
        process = subprocess.Popen(command, env={**os.environ, "REDIS_URL": front.url})
    except OSError as error:
        return _fail(f"cannot run {command[0]}: {error.strerror}")
    # The terminal sends Ctrl-C to the command as well, which decides what it means.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    return 128 - code if code < 0 else code
