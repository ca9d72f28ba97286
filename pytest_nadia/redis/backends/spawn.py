"""A redis-server or valkey-server of our own, for as long as a `with` block runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.redis.backends.blocking import BlockingClient, NotRedisError
from pytest_nadia.redis.backends.errors import BackendError
from pytest_nadia.redis.backends.folders import LOG, SOCKET, private_folder, sweep_folders
from pytest_nadia.redis.backends.info import parse_info, server_name, server_version

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
PROGRAMS = ("redis-server", "valkey-server")
DATABASES = 16
ELSE_EMBEDDED = "or pass --nadia-redis=embedded"

_SECONDS_TO_START = 20.0
_SECONDS_TO_ANSWER = 1.0  # then it is asked again
_PORT_ATTEMPTS = 20
_LAUNCHER = Path(__file__).with_name("launcher.py")
_LOG_PREFIX = re.compile(r"^\d+:\w \d.*? [-#*.] ")


@dataclass(frozen=True)
class RealServer:
    """A running server; `version` is the version of Redis that it is compatible with."""

    name: str
    version: tuple[int, ...]
    pid: int
    host: str
    port: int
    socket_path: str


@contextmanager
def spawn_server() -> Iterator[RealServer]:
    """Start a server that stores nothing on disk; it is gone when the block ends.

    On Linux it ends with the thread that called this, whatever that dies of. Raises
    `BackendError`.
    """
    program = find_program()
    sweep_folders()
    with private_folder() as folder, _server(program, folder) as server:
        yield server


def find_program() -> str:
    """Path of the server's program on PATH. Raises `BackendError`."""
    for name in PROGRAMS:
        if path := shutil.which(name):
            return path
    raise BackendError(
        "redis-server not found: install it (apt install redis-server, brew install redis) "
        f"{ELSE_EMBEDDED}"
    )


@contextmanager
def _server(program: str, folder: Path) -> Iterator[RealServer]:
    for _ in range(_PORT_ATTEMPTS):
        port = _free_port()
        with _process(program, folder, port) as process:
            if info := _wait_until_it_answers(program, process, folder):
                yield _describe(program, folder, port, info)
                return
    raise BackendError(f"{program} found every port taken: close some connections and try again")


@contextmanager
def _process(program: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
    with (folder / LOG).open("wb") as log:
        # A session of its own: Ctrl-C must not end the server before the tests that use it.
        process = subprocess.Popen(
            [*launcher, program, *_options(folder, port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _options(folder: Path, port: int) -> Iterator[str]:
    settings = {
        "bind": HOST,
        "port": str(port),
        "protected-mode": "yes",
        "unixsocket": str(folder / SOCKET),
        "unixsocketperm": "700",
        "dir": str(folder),
        "databases": str(DATABASES),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
    }
    for name, value in settings.items():
        yield from (f"--{name}", value)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _wait_until_it_answers(
    program: str, process: subprocess.Popen[bytes], folder: Path
) -> dict[str, str]:
    """What its INFO says; nothing if another process took the port in the meantime."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return _explain_end(program, process, folder)
        if info := _ask(folder):
            return info
        time.sleep(0.002)
    raise BackendError(
        f"{program} did not answer within {_SECONDS_TO_START:g} s: {_last_line(folder)}"
    )


def _explain_end(program: str, process: subprocess.Popen[bytes], folder: Path) -> dict[str, str]:
    if "Address already in use" in _log(folder):
        return {}
    how = f"exit code {process.returncode}"
    if process.returncode < 0:
        how = f"signal {-process.returncode}"
    raise BackendError(f"{program} did not start ({how}): {_last_line(folder)}")


def _ask(folder: Path) -> dict[str, str]:
    with (
        suppress(OSError, NotRedisError),
        BlockingClient(str(folder / SOCKET), _SECONDS_TO_ANSWER) as client,
    ):
        if client.call("PING") == b"PONG" and isinstance(text := client.call("INFO"), bytes):
            return parse_info(text)
    return {}


def _describe(program: str, folder: Path, port: int, info: dict[str, str]) -> RealServer:
    name = "valkey" if Path(program).name == "valkey-server" else server_name(info)
    pid = int(info["process_id"])
    return RealServer(name, server_version(info), pid, HOST, port, str(folder / SOCKET))


def _log(folder: Path) -> str:
    return (folder / LOG).read_bytes()[-16384:].decode(errors="replace")


def _last_line(folder: Path) -> str:
    lines = [line.strip() for line in _log(folder).splitlines() if line.strip()]
    if not lines:
        return "it wrote nothing"
    return _LOG_PREFIX.sub("", lines[-1])[:200]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Nothing is to be saved, and a stopped process hears no gentler signal."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
