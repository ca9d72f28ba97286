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
    """Carries one client's bytes to the server.

    `prelude` is sent first, and its replies are kept. The client's bytes wait for them: after a
    refused login they would reach what they must not, so that the session ends there.
    """

    busy = False
    streams = True

    def __init__(self, loop: Loop, address: Address, prelude: list[bytes], client: Client) -> None:
        self._client = client
        self._swallow = len(prelude)
        self._held = b""
        self._ends = False
        self._replies = Replies()
        self._channel = Channel(
            loop, connect(address), self._on_data, client.on_session_end, client.on_session_drained
        )
        if prelude:
            self._channel.write(b"".join(prelude))

    @property
    def is_full(self) -> bool:
        return bool(self._held) or self._channel.is_full

    def send(self, fields: list[bytes], raw: bytes) -> None:
        self.stream(raw)

    def stream(self, data: bytes) -> None:
        if self._swallow:
            self._held += data
        else:
            self._channel.write(data)

    def refuse(self, error: ProtocolError, data: bytes) -> None:
        # The server finds the same fault, and says so in its own words.
        self.stream(data)

    def end_of_input(self) -> None:
        self._ends = True
        if not self._swallow:
            self._channel.end_sending()

    def close(self) -> None:
        self._channel.close()

    def listen(self, reading: bool) -> None:
        self._channel.listen(reading)

    def _on_data(self, data: bytes) -> None:
        if self._swallow:
            self._take_prelude(data)
        else:
            self._client.on_stream(data)

    def _take_prelude(self, data: bytes) -> None:
        ends = self._replies.feed(data)
        if any(end.head[:1] == b"-" for end in ends):
            self._client.on_session_end()
            return
        self._swallow = max(0, self._swallow - len(ends))
        if not self._swallow:
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._channel.write(held)
        if self._ends:
            self._channel.end_sending()
        if not self._channel.is_full:
            self._client.on_session_drained()
