"""A socket that never blocks: bytes in by call-back, bytes out as soon as they fit."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.front.loop import Loop

# Below what malloc takes from the system anew each time: 20 us a read otherwise.
_CHUNK = 64 * 1024
# Above this much unsent, who causes it is not listened to until it has gone out.
_HIGH_WATER = 16 * 1024 * 1024


class Channel:
    """`on_data` gets what arrives, `on_end` is called once when nothing more will come.

    The other side may still read then: what is written goes out as before, unless it is gone.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
        on_drained: Callable[[], None] = lambda: None,
        *,
        goes_first: bool = False,
    ) -> None:
        self._loop, self._socket = loop, sock
        self._on_data, self._on_end, self._on_drained = on_data, on_end, on_drained
        self._goes_first = goes_first
        self.received = self.sent = 0
        self._unsent = bytearray()
        self._reading, self._heard_all, self._broken = True, False, False
        self._sends_no_more, self._closing, self.closed = False, False, False
        sock.setblocking(False)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rewatch()

    @property
    def is_full(self) -> bool:
        return len(self._unsent) > _HIGH_WATER

    @property
    def addresses(self) -> dict[str, str]:
        """Of both sides, as CLIENT LIST shows them."""
        if self._socket.family == socket.AF_UNIX:
            return {"laddr": f"{self._socket.getsockname()}:0", "addr": "unix:0"}
        host, port = self._socket.getsockname()[:2]
        return {"laddr": f"{host}:{port}", "addr": self._other_side()}

    def _other_side(self) -> str:
        try:
            host, port = self._socket.getpeername()[:2]
        except OSError:  # it has gone already
            return "?:0"
        return f"{host}:{port}"

    def write(self, data: bytes) -> None:
        if self.closed or self._closing or self._broken:
            return
        if self._unsent:
            self._unsent += data
            return
        sent = self._send(data)
        if sent < len(data) and not (self.closed or self._broken):
            self._unsent += data[sent:]
            self._rewatch()

    def listen(self, reading: bool) -> None:
        """Stop reading what the other side sends, or go on."""
        if reading != self._reading and not self.closed:
            self._reading = reading
            self._rewatch()

    def finish(self) -> None:
        """Close once everything has been sent."""
        self._closing = True
        if not self._unsent:
            self.close()
        else:
            self.listen(False)

    def end_sending(self) -> None:
        """Tell the other side, after all that was written, that no more will come; read on."""
        self._sends_no_more = True
        if not self._unsent:
            self._shut()

    def _shut(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close now; `on_end` is not called."""
        if not self.closed:
            self.closed = True
            self._loop.watch(self._socket, None)
            self._socket.close()

    def _rewatch(self) -> None:
        read = self._read if self._reading and not self._heard_all else None
        write = self._write_more if self._unsent else None
        self._loop.watch(self._socket, read, write, goes_first=self._goes_first)

    def _read(self) -> None:
        if self.closed:
            return
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._stop_writing()
            data = b""
        if data:
            self.received += len(data)
            self._on_data(data)
        elif not (self.closed or self._heard_all):
            self._heard_all = True
            self._rewatch()
            self._on_end()

    def _send(self, data: bytes) -> int:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._stop_writing()
            return 0
        self.sent += sent
        return sent

    def _write_more(self) -> None:
        sent = self._send(bytes(self._unsent[:_CHUNK]))
        if self.closed or self._broken:
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._rewatch()
            self._drained()

    def _drained(self) -> None:
        if self._closing:
            self.close()
            return
        if self._sends_no_more:
            self._shut()
        self._on_drained()

    def _stop_writing(self) -> None:
        """The other side takes nothing any more; what it sent before is still to be read."""
        if self.closed or self._broken:
            return
        self._broken = True
        self._unsent = bytearray()
        if self._closing:
            self.close()
        else:
            self._rewatch()
            self._loop.call_soon(self._on_drained)
