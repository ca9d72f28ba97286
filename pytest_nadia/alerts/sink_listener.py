"""A port on loopback that stays ours whether it is open or refuses."""

from __future__ import annotations

import errno
import select
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_nadia.alerts.sink_inbox import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

HOST = "127.0.0.1"
_MOST_SECONDS = 5.0


class Listener:
    """Accepts in a thread of its own, and gives each connection to `serve`."""

    def __init__(
        self,
        channel: str,
        port: int,
        serve: Callable[[socket.socket], None],
        at_work: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._channel, self._serve, self._at_work = channel, serve, at_work
        self._socket = _bound(channel, port)
        self.port: int = self._socket.getsockname()[1]
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def is_asked(self) -> bool:
        """Whether a connection waits to be accepted."""
        return self._thread is not None and is_readable(self._socket)

    def open(self) -> None:
        if self._thread is not None:
            return
        if self._socket.fileno() < 0:
            self._socket = _bound(self._channel, self.port)
        _listen(self._channel, self._socket)
        name = f"alert_sinks.{self._channel}"
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)
        self._thread.start()

    def refuse(self) -> None:
        """The port stays ours, so that `open` finds it free."""
        if self._stop():
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Not every system lets a listening socket go back to a bound one.
                self._socket.close()

    def close(self) -> None:
        self._stop()
        self._socket.close()

    def _stop(self) -> bool:
        """End the thread; False if none runs."""
        thread, self._thread = self._thread, None
        if thread is None:
            return False
        # Wakes the thread, which then sees that it is over.
        with suppress(OSError):
            socket.create_connection(self.address, _MOST_SECONDS).close()
        thread.join(_MOST_SECONDS)
        return True

    def _accept(self) -> None:
        while True:
            wait_for_more(self._socket)
            with self._at_work():
                connection, _ = self._socket.accept()
                if self._thread is not threading.current_thread():
                    connection.close()
                    return
                # Answers come in several pieces; without it each waits for the one before.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(connection)


def _bound(channel: str, port: int) -> socket.socket:
    """Bound to a port by its number: only then it stays bound when it no longer listens."""
    number = port or _free_port()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(None)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, number))
    except (OSError, OverflowError) as error:
        sock.close()
        if not port and isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            # Somebody was faster.
            return _bound(channel, 0)
        raise _taken(channel, number, error) from None
    return sock


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _listen(channel: str, sock: socket.socket) -> None:
    try:
        sock.listen(128)
    except OSError as error:
        raise _taken(channel, sock.getsockname()[1], error) from None


def _taken(channel: str, port: int, error: Exception) -> SinkError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return SinkError(
        f"alert_sinks.{channel} cannot have port {port} of {HOST}: {reason}; stop what uses it, "
        "or leave the port out to get a free one"
    )


def is_readable(sock: socket.socket) -> bool:
    """Whether something lies there unread; False for a socket that is closed."""
    with suppress(OSError, ValueError):
        return bool(_poll(sock, 0))
    return False


def wait_for_more(sock: socket.socket) -> None:
    """Until something can be read, or the other end is gone; however long it takes."""
    _poll(sock, None)


def _poll(sock: socket.socket, milliseconds: int | None) -> list[tuple[int, int]]:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll(milliseconds)
