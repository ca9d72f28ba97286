"""A real server behind the front: one connection to it for each client."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_nadia.redis.front.channel import Channel
from pytest_nadia.redis.front.replies import Replies

if TYPE_CHECKING:
    from pytest_nadia.redis.front.client import Client
    from pytest_nadia.redis.front.loop import Loop
    from pytest_nadia.redis.front.requests import ProtocolError

Address = str | tuple[str, int]


def connect(address: Address) -> socket.socket:
    """A socket that connects in the background; `address` is a path or a host and a port."""
    unix = isinstance(address, str)
    family = socket.AF_UNIX if unix else _family(address)
    sock = socket.socket(family)
    sock.setblocking(False)
    # A refusal shows as the end of the stream.
    with suppress(OSError):
        sock.connect(address)
    return sock


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


class ServerSession:
    """Carries one client's bytes to the server. `prelude` is sent first, its replies kept."""

    busy = False
    streams = True

    def __init__(self, loop: Loop, address: Address, prelude: list[bytes], client: Client) -> None:
        self._client = client
        self._prelude = prelude
        self._swallow = 0
        self._replies = Replies()
        self._channel = Channel(
            loop, connect(address), self._on_data, client.on_session_end, client.on_session_drained
        )
        self.introduce()

    @property
    def is_full(self) -> bool:
        return self._channel.is_full

    def introduce(self) -> None:
        """Log in and choose the database, as the client need not do."""
        if self._prelude:
            self._swallow += len(self._prelude)
            self._channel.write(b"".join(self._prelude))

    def send(self, fields: list[bytes], raw: bytes) -> None:
        self._channel.write(raw)

    def stream(self, data: bytes) -> None:
        self._channel.write(data)

    def refuse(self, error: ProtocolError, data: bytes) -> None:
        # The server finds the same fault, and says so in its own words.
        self._channel.write(data)

    def end_of_input(self) -> None:
        self._channel.end_sending()

    def close(self) -> None:
        self._channel.close()

    def listen(self, reading: bool) -> None:
        self._channel.listen(reading)

    def _on_data(self, data: bytes) -> None:
        if self._swallow:
            data = self._without_prelude(data)
        if data:
            self._client.on_stream(data)

    def _without_prelude(self, data: bytes) -> bytes:
        ends = self._replies.feed(data)
        if len(ends) < self._swallow:
            self._swallow -= len(ends)
            return b""
        rest = data[ends[self._swallow - 1].end :]
        self._swallow, self._replies = 0, Replies()
        return rest
