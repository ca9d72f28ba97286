"""Connections that are each served by a thread."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pytest_nadia.alerts.sink_listener import is_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# For what a client began to send, in real time.
_MOST_SECONDS = 10.0


class Connections:
    """Those of one sink that are open."""

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._idle: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def has_unread(self) -> bool:
        """Whether something came of which no thread knows yet."""
        with self._lock:
            return any(is_readable(one) for one in self._idle)

    @contextmanager
    def busy(self, connection: socket.socket) -> Iterator[None]:
        """While its thread reads and answers; what then comes, or that it ends, is no news."""
        with self._lock:
            self._idle.discard(connection)
        try:
            yield
        finally:
            with self._lock:
                self._idle.add(connection)

    def thread(
        self, name: str, connection: socket.socket, serve: Callable[[socket.socket], None]
    ) -> threading.Thread:
        """A thread that serves the connection and closes it."""
        connection.settimeout(_MOST_SECONDS)
        with self._lock:
            self._open.add(connection)
            self._idle.add(connection)
            if self._is_over:
                _hang_up(connection)
        return threading.Thread(target=self._run, args=(connection, serve), name=name, daemon=True)

    def hang_up(self) -> None:
        with self._lock:
            self._is_over = True
            for one in self._open:
                _hang_up(one)

    def _run(self, connection: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        try:
            with suppress(OSError):
                serve(connection)
        finally:
            with self._lock:
                self._open.discard(connection)
                self._idle.discard(connection)
                _hang_up(connection)
                connection.close()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
