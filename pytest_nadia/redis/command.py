"""`python -m pytest_nadia.redis`: the embedded Redis as a program."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from pytest_nadia.redis.requirements import missing_requirement

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = """\
An embedded Redis (fakeredis) on a free port of 127.0.0.1.

Without a command, prints its URL as the first line and serves until standard input closes or
SIGTERM or SIGINT arrives. With a command, runs it with REDIS_URL set to that URL and ends with
the command's exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; gives its exit code (2: wrong usage, or something is not installed)."""
    command = _parse(list(sys.argv[1:] if argv is None else argv))
    if problem := missing_requirement():
        return _fail(problem)
    return asyncio.run(_run(command) if command else _serve())


def _parse(arguments: list[str]) -> list[str]:
    own, separator, command = arguments, "", []
    if "--" in arguments:
        at = arguments.index("--")
        own, separator, command = arguments[:at], "--", arguments[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m pytest_nadia.redis",
        usage="%(prog)s [-h] [-- COMMAND ARG...]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(own)
    if separator and not command:
        parser.error("a command must follow --")
    return command


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


async def _serve() -> int:
    from pytest_nadia.redis.server import start_server

    server, url = await start_server()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()
    try:
        print(url, flush=True)
        await stop.wait()
    finally:
        server.close()
    return 0


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


async def _run(command: Sequence[str]) -> int:
    from pytest_nadia.redis.server import start_server

    server, url = await start_server()
    try:
        environment = {**os.environ, "REDIS_URL": url}
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        return await _wait(process)
    except OSError as error:
        return _fail(f"cannot run {command[0]}: {error.strerror}")
    finally:
        server.close()


async def _wait(process: asyncio.subprocess.Process) -> int:
    loop = asyncio.get_running_loop()
    # The terminal sends Ctrl-C to the command as well, which decides what it means.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    code = await process.wait()
    return 128 - code if code < 0 else code
