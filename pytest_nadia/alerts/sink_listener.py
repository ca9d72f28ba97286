"""A port on loopback that stays ours whether it is open or refuses."""

from __future__ import annotations

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
        # Bound and never listening: holds the port, so that connections are refused.
        self._holder = _bound(channel, port)
        self.port: int = self._holder.getsockname()[1]
        self._open: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def is_asked(self) -> bool:
        """Whether a connection waits to be accepted."""
        opened = self._open
        return opened is not None and is_readable(opened)

    def open(self) -> None:
        if self._open is not None:
            return
        self._open = _bound(self._channel, self.port)
        self._open.listen(128)
        name = f"alert_sinks.{self._channel}"
        self._thread = threading.Thread(
            target=self._accept, args=(self._open,), name=name, daemon=True
        )
        self._thread.start()

    def refuse(self) -> None:
        opened, thread = self._open, self._thread
        if opened is None or thread is None:
            return
        self._open = None
        # Wakes the thread, which then sees that it is over.
        with suppress(OSError):
            socket.create_connection(self.address, _MOST_SECONDS).close()
        thread.join(_MOST_SECONDS)
        opened.close()

    def close(self) -> None:
        self.refuse()
        self._holder.close()

    def _accept(self, opened: socket.socket) -> None:
        while True:
            wait_for_more(opened)
            with self._at_work():
                connection, _ = opened.accept()
                if self._open is not opened:
                    connection.close()
                    return
                self._serve(connection)


def _bound(channel: str, port: int) -> socket.socket:
    """Both of our sockets share the port, and nobody else can have it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(None)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((HOST, port))
    except (OSError, OverflowError) as error:
        sock.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SinkError(
            f"alert_sinks.{channel} cannot have port {port} of {HOST}: {reason}; stop what uses "
            "it, or leave the port out to get a free one"
        ) from None
    return sock


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
