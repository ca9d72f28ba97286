"""Which connections to a Redis this process opens, from where, and who closes them.

A client written in another language (valkey-glide) has sockets of its own, which are not seen.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_nadia.redis.call_stack import Frame, call_stack, in_finalizer_of, is_our_own, own_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Address = Any
    End = Literal["", "closed", "finalized"]

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_CLIENTS = frozenset({"redis", "valkey", "coredis", "aioredis"})
_LOOPBACK = frozenset({"localhost", "::1", ""})
_USUAL_PORT = 6379


class OpenedConnection:
    """A connection that this process opened; it keeps no socket alive.

    `port` is its own TCP port, 0 on a unix socket; `stack` the calls that opened it, the
    innermost first.
    """

    __slots__ = ("_end", "_socket", "address", "port", "stack")

    def __init__(self, opened: socket.socket, address: str, stack: tuple[Frame, ...]) -> None:
        self.address = address
        self.port = _own_port(opened)
        self.stack = stack
        self._socket = weakref.ref(opened)
        self._end: End = ""

    @property
    def socket(self) -> socket.socket | None:
        return self._socket()

    @property
    def state(self) -> Literal["open", "closed", "finalized"]:
        """Finalized: nobody closed it, it went with an object that was no longer used."""
        if self._end:
            return self._end
        opened = self.socket
        if opened is None:
            return "closed" if self._is_of_synchronous_client else "finalized"
        return "closed" if opened.fileno() < 0 else "open"

    @property
    def _is_of_synchronous_client(self) -> bool:
        """Such a client closes when it is deleted; the socket may be deleted before it."""
        return bool(self.stack) and _is_of_client(self.stack[0])

    def ended(self, end: End) -> None:
        self._end = self._end or end


@dataclass(frozen=True, slots=True)
class ForeignConnection:
    """A Redis that the fixtures did not give, and the line of the project that went there."""

    address: str
    path: str
    line: int


class Connections:
    """What was opened while it watched."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._spared: set[str] = set()
        self._opened: list[OpenedConnection] = []

    def give(self, *addresses: Address) -> None:
        """Addresses, (host, port) or the path of a unix socket, that are the fixtures' own."""
        self._given.update(filter(None, map(address_text, addresses)))

    def spare(self, *addresses: Address) -> None:
        """Addresses that are neither the fixtures' nor foreign: what goes there is ours."""
        self._spared.update(filter(None, map(address_text, addresses)))

    def gives(self, address: str) -> bool:
        return address in self._given

    def add(self, opened: OpenedConnection) -> None:
        self._opened.append(opened)

    def forget(self) -> None:
        """Begin anew: for what is asked afterwards nothing was opened yet."""
        self._opened = []
        _replace_methods()

    def opened(self) -> list[OpenedConnection]:
        """The connections to given addresses, in the order in which they were opened."""
        return [one for one in self._opened if one.address in self._given]

    def opened_at(self, port: int) -> tuple[Frame, ...]:
        """The stack that opened the connection which has `port` on this side, or ()."""
        stacks = [one.stack for one in self.opened() if one.port == port != 0]
        return stacks[-1] if stacks else ()

    def foreign(self) -> list[ForeignConnection]:
        """What the project's code reached for besides, each place once."""
        known = self._given | self._spared
        found = [
            ForeignConnection(one.address, place.file, place.line)
            for one in self._opened
            if one.address not in known and not is_our_own(one.stack)
            if (place := own_code(one.stack))
        ]
        return list(dict.fromkeys(found))


@contextmanager
def watch_connections() -> Iterator[Connections]:
    """See every connection that Python code of this process opens; several may watch at once."""
    connections = Connections()
    with _LOCK:
        _watching.append(connections)
        _replace_methods()
    try:
        yield connections
    finally:
        with _LOCK:
            _watching.remove(connections)
            if not _watching:
                _restore_methods()


def address_text(address: Address) -> str:
    """One spelling for each address: "127.0.0.1:6379" or a path; "" for what is neither."""
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[1], int):
        host = "127.0.0.1" if address[0] in _LOOPBACK else str(address[0])
        return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
    if isinstance(address, str | bytes | os.PathLike):
        return os.fsdecode(address)
    return ""


_LOCK = threading.Lock()
_watching: list[Connections] = []
_by_socket: weakref.WeakKeyDictionary[socket.socket, OpenedConnection]
_by_socket = weakref.WeakKeyDictionary()


def _note(opened: socket.socket, address: Address) -> None:
    text = address_text(address)
    if not text:
        return
    # Without: this function, and the method that stands in for the socket's own.
    stack = call_stack(3)
    if not _is_redis(text, address, stack):
        return
    connection = OpenedConnection(opened, text, stack)
    _by_socket[opened] = connection
    for connections in _watching:
        connections.add(connection)
    _watch_transports()


def _is_redis(text: str, address: Address, stack: tuple[Frame, ...]) -> bool:
    if any(connections.gives(text) for connections in _watching):
        return True
    if isinstance(address, tuple) and address[1] == _USUAL_PORT:
        return True
    return any(map(_is_of_client, stack))


def _is_of_client(frame: Frame) -> bool:
    return frame.module.partition(".")[0] in _CLIENTS


def _own_port(opened: socket.socket) -> int:
    try:
        name = opened.getsockname()
    except OSError:
        return 0
    return name[1] if isinstance(name, tuple) else 0


def _ended(closed: socket.socket | None) -> None:
    connection = _by_socket.get(closed) if closed is not None else None
    if connection is not None and not connection._end:
        # Synchronous clients may rely on being deleted; asyncio's cannot.
        connection.ended("finalized" if in_finalizer_of("asyncio") else "closed")


def _connect(self: socket.socket, address: Address) -> None:
    try:
        _METHODS["connect"].own(self, address)
    finally:
        _note(self, address)


def _connect_ex(self: socket.socket, address: Address) -> int:
    try:
        result: int = _METHODS["connect_ex"].own(self, address)
    finally:
        _note(self, address)
    return result


def _close(self: socket.socket) -> None:
    _ended(self)
    _METHODS["close"].own(self)


def _close_transport(self: Any) -> None:
    # The loop closes the socket later, when it can no longer be seen who asked.
    _ended(getattr(self, "_sock", None))
    _TRANSPORT.own(self)


class _Replacement:
    """A method of a class that gives way to another one."""

    def __init__(self, name: str, method: Callable[..., Any]) -> None:
        self.own: Callable[..., Any] = method
        self._name = name
        self._method = method
        self._owner: type | None = None
        self._inherited = False

    def put(self, owner: type) -> None:
        if self._owner is None:
            self.own = getattr(owner, self._name)
            self._inherited = self._name not in vars(owner)
            self._owner = owner
        # Another tool may have put back what was there before ours.
        if getattr(owner, self._name) is self.own:
            setattr(owner, self._name, self._method)

    def remove(self) -> None:
        owner = self._owner
        # Another tool that has replaced it since goes on calling ours: then ours stays in place.
        if owner is None or vars(owner).get(self._name) is not self._method:
            return
        self._owner = None
        if self._inherited:
            delattr(owner, self._name)
        else:
            setattr(owner, self._name, self.own)


_METHODS = {
    "connect": _Replacement("connect", _connect),
    "connect_ex": _Replacement("connect_ex", _connect_ex),
    "close": _Replacement("close", _close),
}
_TRANSPORT = _Replacement("close", _close_transport)


def _replace_methods() -> None:
    for replacement in _METHODS.values():
        replacement.put(socket.socket)


def _watch_transports() -> None:
    """asyncio is not imported for this: who uses it has it already."""
    selector_events = sys.modules.get("asyncio.selector_events")
    if selector_events is not None:
        _TRANSPORT.put(selector_events._SelectorTransport)


def _restore_methods() -> None:
    for replacement in (*_METHODS.values(), _TRANSPORT):
        replacement.remove()
