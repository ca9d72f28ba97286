"""The embedded Redis in a child process, as the process that needs it sees it."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

# -P: a redis.py in the current directory must not stand in for the real one.
_PROGRAM = [sys.executable, "-P", "-m", "pytest_nadia.redis"]
_FLUSHALL = b"*1\r\n$8\r\nFLUSHALL\r\n"
_OK = b"+OK\r\n"
_SECONDS_TO_STOP = 5.0
_SECONDS_TO_ANSWER = 30.0


class EmbeddedRedisError(Exception):
    """The child process did not start, or is gone."""


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """An in-memory Redis in a child process, reachable at `url`."""

    url: str
    _child: _Child
    _control: socket.socket

    def reset(self) -> None:
        """Empty every database. Raises `EmbeddedRedisError` if the child is gone."""
        try:
            self._control.sendall(_FLUSHALL)
            reply = self._control.recv(len(_OK))
        except OSError as error:
            raise EmbeddedRedisError(self._child.obituary()) from error
        if reply != _OK:
            raise EmbeddedRedisError(self._child.obituary())


@contextmanager
def embedded_redis() -> Iterator[EmbeddedRedis]:
    """Start a child process that serves Redis, and stop it at the end.

    It ends as well when this process dies, however that happens: its standard input closes.
    Raises `EmbeddedRedisError` if it does not start.
    """
    with tempfile.TemporaryFile() as errors:
        child = _Child(_spawn(errors), errors)
        try:
            url = child.first_line()
            address = urlsplit(url).hostname, urlsplit(url).port
            with socket.create_connection(address, timeout=_SECONDS_TO_ANSWER) as control:
                yield EmbeddedRedis(url, child, control)
        finally:
            child.end()


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def first_line(self) -> str:
        line = cast("IO[bytes]", self.process.stdout).readline().decode().strip()
        if not line:
            raise EmbeddedRedisError(self.obituary())
        return line

    def obituary(self) -> str:
        try:
            end = f"exit code {self.process.wait(timeout=_SECONDS_TO_STOP)}"
        except subprocess.TimeoutExpired:
            end = "it still runs but does not answer"
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        reason = f": {lines[-1]}" if lines else ""
        return f"the embedded Redis is gone ({end}){reason}"

    def end(self) -> None:
        # Closing standard input, which communicate() does, is the request to stop.
        try:
            self.process.communicate(timeout=_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def _spawn(errors: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _PROGRAM,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        # Ctrl-C at the terminal is for the tests, whose own clean-up may still need Redis.
        process_group=0,
    )
