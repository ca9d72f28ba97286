"""What stands behind the front: the embedded data, or a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_nadia.redis.front.channel import Channel
from pytest_nadia.redis.front.replies import Replies
from pytest_nadia.redis.front.upstream import Address, ServerSession, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_nadia.redis.backends.lease import Lease
    from pytest_nadia.redis.front.client import Client, Session
    from pytest_nadia.redis.front.embedded import EmbeddedServer
    from pytest_nadia.redis.front.loop import Loop

    Done = Callable[[str], None]

_EXPIRY_ONLY = "a real server's clock cannot be moved: keys expire earlier, nothing else changes"
# Let every key that expires do so ARGV[1] milliseconds earlier.
_AGE = b"""
local cursor = '0'
repeat
    local page = redis.call('SCAN', cursor, 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
        local left = redis.call('PTTL', key)
        if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
    end
until cursor == '0'
"""


class Data(Protocol):
    """`reset` and `advance` call `done` with an error or a remark, or with an empty text."""

    def open_session(self, client: Client, addresses: dict[str, str]) -> Session: ...

    # `scripts`: whether some may be cached; `parameters`: which CONFIG SET has changed.
    def reset(self, scripts: bool, parameters: set[bytes], done: Done) -> None: ...

    def advance(self, seconds: float, done: Done) -> None: ...


class EmbeddedData:
    """fakeredis in this process."""

    def __init__(self, loop: Loop, server: EmbeddedServer) -> None:
        self._loop, self._server = loop, server

    def open_session(self, client: Client, addresses: dict[str, str]) -> Session:
        from pytest_nadia.redis.front.embedded import EmbeddedSession

        return EmbeddedSession(self._server, client, addresses)

    def reset(self, scripts: bool, parameters: set[bytes], done: Done) -> None:
        self._server.empty()
        done("")

    def advance(self, seconds: float, done: Done) -> None:
        self._loop.advance(seconds)
        done("")


class ServerData:
    """A server of our own, or (`lease` given) one database of an existing one.

    `on_refusal` gets the error when the server lets no connection into that database.
    """

    def __init__(
        self,
        loop: Loop,
        address: Address,
        *,
        databases: int = 16,
        parameters: dict[bytes, bytes] | None = None,
        lease: Lease | None = None,
    ) -> None:
        self._loop, self._address = loop, address
        self._lease = lease
        self._prelude = [encode(fields) for fields in lease.opening_commands()] if lease else []
        self._databases = databases
        self._parameters = parameters or {}
        self.on_refusal: Callable[[bytes], None] = lambda error: None
        self._waiting: list[tuple[int, list[bytes], Callable[[list[bytes]], None]]] = []
        self._replies = Replies()
        self._channel: Channel | None = None
        self._opening = 0
        self._held = b""

    def open_session(self, client: Client, addresses: dict[str, str]) -> Session:
        return ServerSession(self._loop, self._address, self._prelude, client)

    def reset(self, scripts: bool, parameters: set[bytes], done: Done) -> None:
        if lease := self._lease:
            self.ask_raw(lease.reset_commands(), 1, lambda replies: done(lease.problem(replies[0])))
            return
        orders = [[b"FLUSHALL"]]
        if scripts:
            orders += [[b"SCRIPT", b"FLUSH"]]
        orders += [
            [b"CONFIG", b"SET", name, self._parameters[name]]
            for name in sorted(parameters)
            if name in self._parameters
        ]
        self.ask(orders, _first_error(done))

    def advance(self, seconds: float, done: Done) -> None:
        self._loop.advance(seconds)
        milliseconds = b"%d" % round(seconds * 1000)
        age = [b"EVAL", _AGE, b"0", milliseconds]
        orders = [age]
        if not self._lease:
            orders = [
                order for n in range(self._databases) for order in ([b"SELECT", b"%d" % n], age)
            ]
        self.ask(orders, lambda replies: done(_error(replies) or _EXPIRY_ONLY))

    def ask(self, orders: list[list[bytes]], then: Callable[[list[bytes]], None]) -> None:
        """Send commands of our own; `then` gets the beginnings of the replies to them."""
        self.ask_raw(b"".join(encode(order) for order in orders), len(orders), then)

    def ask_raw(self, data: bytes, number: int, then: Callable[[list[bytes]], None]) -> None:
        """The same with the bytes of `number` commands."""
        channel = self._channel or self._open()
        self._waiting.append((number, [], then))
        if self._opening:
            self._held += data
        else:
            channel.write(data)

    def _open(self) -> Channel:
        """Log in and choose the database; until both are done, no order is sent."""
        channel = Channel(self._loop, connect(self._address), self._on_data, self._on_end)
        self._channel, self._replies = channel, Replies()
        self._opening, self._held = len(self._prelude), b""
        if self._prelude:
            channel.write(b"".join(self._prelude))
        return channel

    def _on_data(self, data: bytes) -> None:
        channel = self._channel
        for end in self._replies.feed(data):
            if self._channel is not channel:
                return
            if self._opening:
                self._on_opening_reply(end.head)
            else:
                self._on_reply(end.head)

    def _on_opening_reply(self, head: bytes) -> None:
        if head[:1] == b"-":
            self._give_up(head)
            self.on_refusal(head)
            return
        self._opening -= 1
        if not self._opening and self._channel:
            held, self._held = self._held, b""
            self._channel.write(held)

    def _on_reply(self, head: bytes) -> None:
        number, heads, then = self._waiting[0]
        heads.append(head)
        if len(heads) == number:
            self._waiting.pop(0)
            then(heads)

    def _on_end(self) -> None:
        self._give_up(b"-ERR the Redis server is gone\r\n")

    def _give_up(self, error: bytes) -> None:
        """Answer every order that waits; the next one gets a new connection."""
        if self._channel:
            self._channel.close()
        self._channel = None
        waiting, self._waiting = self._waiting, []
        for _, _, then in waiting:
            then([error])


def encode(fields: Sequence[bytes]) -> bytes:
    """A command as it goes over the wire."""
    parts = [b"*%d\r\n" % len(fields)]
    parts += [b"$%d\r\n%s\r\n" % (len(field), field) for field in fields]
    return b"".join(parts)


def _first_error(done: Done) -> Callable[[list[bytes]], None]:
    return lambda replies: done(_error(replies))


def _error(replies: list[bytes]) -> str:
    errors = (reply[1:].decode(errors="replace").strip() for reply in replies if reply[:1] == b"-")
    return next(errors, "")
