"""A small blocking client, for the moments at which nothing is served yet or any more."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from types import TracebackType

Address: TypeAlias = str | tuple[str, int]
Reply: TypeAlias = "bytes | int | ReplyError | list[Reply] | None"

_MOST_BYTES = 16 << 20


class ReplyError(Exception):
    """The server answered with an error; it is given as a value, not raised."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


class NotRedisError(Exception):
    """What came is not an answer of Redis; the text shows its beginning."""


def encode(*fields: str | bytes) -> bytes:
    """The bytes of a command on the wire."""
    raw = [field.encode() if isinstance(field, str) else field for field in fields]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(field), field) for field in raw)
    return b"*%d\r\n%b" % (len(raw), bulks)


class BlockingClient:
    """One connection in RESP2. Connecting and each call end within `seconds`.

    Both raise `OSError` when the server is not reached or too slow; `call` raises `NotRedisError`
    too.
    """

    def __init__(self, address: Address, seconds: float) -> None:
        self._seconds = seconds
        self._data = bytearray()
        self._socket = _connect(address, seconds)

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    @property
    def peer(self) -> Address:
        """Where it is connected to: a path, or a numeric host and a port."""
        name = self._socket.getpeername()
        return name if isinstance(name, str) else (name[0], name[1])

    def call(self, *fields: str | bytes) -> Reply:
        self._deadline = time.monotonic() + self._seconds
        self._socket.settimeout(self._seconds)
        self._socket.sendall(encode(*fields))
        return self._reply()

    def _reply(self) -> Reply:
        line = self._line()
        kind, text = line[:1], line[1:]
        if kind == b"+":
            return text
        if kind == b"-":
            return ReplyError(text.decode(errors="replace"))
        if kind in b":$*" and kind:
            return self._counted(kind, _number(line))
        raise NotRedisError(_beginning(line))

    def _counted(self, kind: bytes, number: int) -> Reply:
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"*":
            return [self._reply() for _ in range(number)]
        return self._take(number + 2)[:-2]

    def _line(self) -> bytes:
        while (end := self._data.find(b"\r\n")) < 0:
            self._receive()
        return self._take(end + 2)[:-2]

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            self._receive()
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def _receive(self) -> None:
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        received = self._socket.recv(65536)
        if not received and self._data:
            raise NotRedisError(_beginning(bytes(self._data)))
        if not received:
            raise ConnectionResetError(104, "it closed the connection without an answer")
        self._data += received
        if len(self._data) > _MOST_BYTES:
            raise NotRedisError(_beginning(bytes(self._data[:80])))


def _connect(address: Address, seconds: float) -> socket.socket:
    if not isinstance(address, str):
        return socket.create_connection(address, seconds)
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.settimeout(seconds)
        connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


def _number(line: bytes) -> int:
    try:
        return int(line[1:])
    except ValueError:
        raise NotRedisError(_beginning(line)) from None


def _beginning(data: bytes) -> str:
    return ascii(data[:40].decode("latin-1"))
