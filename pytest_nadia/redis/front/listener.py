"""Where clients come in: a port of the loopback interface and a unix socket, open or closed."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.front.loop import Loop

HOST = "127.0.0.1"
_BACKLOG = 512
_SECONDS_TO_RECOVER = 0.05
_TOO_MANY = b"-ERR max number of clients reached\r\n"


def listen_at(path: str) -> socket.socket:
    """A listening unix socket at `path`, which takes the place of what is there."""
    with suppress(FileNotFoundError):
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(_BACKLOG)
    sock.setblocking(False)
    return sock


def accept_all(
    loop: Loop, sock: socket.socket, arrived: Callable[[socket.socket, int], None]
) -> None:
    """Call `arrived` with each connection to `sock` and the other side's port, 0 if it has none."""

    def watch() -> None:
        if sock.fileno() >= 0:
            loop.watch(sock, accept)

    def accept() -> None:
        try:
            while True:
                connection, address = sock.accept()
                port = address[1] if isinstance(address, tuple) else 0
                _introduce(loop, connection, port, arrived)
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # No descriptor is left: who waits is let in when others have gone.
            loop.watch(sock, None)
            loop.call_really_later(_SECONDS_TO_RECOVER, watch)

    watch()


def _introduce(
    loop: Loop,
    connection: socket.socket,
    port: int,
    arrived: Callable[[socket.socket, int], None],
) -> None:
    try:
        arrived(connection, port)
    except OSError:
        loop.watch(connection, None)
        with connection, suppress(OSError):
            connection.send(_TOO_MANY)


class Listener:
    """The clients' two doors. The port stays ours while they are closed."""

    def __init__(
        self, loop: Loop, path: str, arrived: Callable[[socket.socket, int], None]
    ) -> None:
        self._loop, self._path, self._arrived = loop, path, arrived
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._open: list[socket.socket] = []
        self.open()

    def open(self) -> None:
        if self._open:
            return
        tcp = _bound(self.port)
        tcp.listen(_BACKLOG)
        tcp.setblocking(False)
        self._open = [tcp, listen_at(self._path)]
        for sock in self._open:
            accept_all(self._loop, sock, self._arrived)

    def close(self) -> None:
        """Let new connections be refused."""
        for sock in self._open:
            self._loop.watch(sock, None)
            sock.close()
        self._open = []


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((HOST, port))
    return sock
