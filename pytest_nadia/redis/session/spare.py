"""One open connection that goes from a test's client to the next test's client.

To connect costs more than everything else that a test's client needs. It is handed on only
where nothing that a test did to it can be seen in the next; otherwise it is closed.
"""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from redis import Connection, ConnectionPool, Redis
from redis.connection import parse_url
from redis.exceptions import ConnectionError, RedisError

if TYPE_CHECKING:
    from collections.abc import Iterable

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

# What changes the connection itself and not the data.
_LEAVES_TRACES = frozenset(
    {"SELECT", "HELLO", "AUTH", "RESET", "QUIT", "CLIENT", "MONITOR", "MULTI", "WATCH"}
    | {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "READONLY", "READWRITE", "ASKING"}
    | {"SYNC", "PSYNC", "REPLCONF"}
)


class Spare:
    """Gives each test a client of its own; one test at a time."""

    def __init__(self, url: str) -> None:
        self._options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        self._kept: _Connection | None = None
        self._pool: _Pool | None = None
        self._template: Redis | None = None

    def lend(self) -> Redis:
        """A client as if newly made."""
        self._pool = _Pool(self._kept, self._options)
        self._kept = None
        if self._template is None:
            self._template = Redis(connection_pool=self._pool)
        return _fresh_copy(self._template, self._pool)

    @property
    def socket(self) -> Any:
        """That of the connection which is kept for the next test."""
        return None if self._kept is None else self._kept._sock

    def take_back(self) -> None:
        """End the client that was lent: what it opened is closed, or kept if it is untouched."""
        if self._pool is not None:
            self._kept = self._pool.retire()
            self._pool = None

    def close(self) -> None:
        self.take_back()
        if self._kept is not None:
            self._kept.disconnect()  # type: ignore[no-untyped-call]
            self._kept = None


class _Connection(Connection):
    """Knows whether it is still as it was when it had just connected."""

    def __init__(self, **options: Any) -> None:
        options["redis_connect_func"] = _Connection._shake_hands
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._marked = False
        self._awaited = 0
        self._as_new: dict[str, Any] = {}

    def _shake_hands(self) -> None:
        self.on_connect()  # type: ignore[no-untyped-call]
        self._marked = False
        self._awaited = 0
        self._as_new = {}
        self._as_new = dict(vars(self))

    def send_command(self, *arguments: Any, **options: Any) -> None:
        self._marked = self._marked or _leaves_traces(arguments)
        self._awaited += 1
        super().send_command(*arguments, **options)  # type: ignore[no-untyped-call]

    def pack_commands(self, commands: Iterable[Any]) -> Any:
        listed = list(commands)
        self._marked = self._marked or any(map(_leaves_traces, _outside_transaction(listed)))
        self._awaited += len(listed)
        return super().pack_commands(listed)  # type: ignore[no-untyped-call]

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        self._awaited -= 1
        return super().read_response(*arguments, **options)

    def is_as_new(self) -> bool:
        if not self._as_new or self.pid != os.getpid():
            return False
        return {**vars(self), "_as_new": {}} == self._as_new and self._is_silent()

    def _is_silent(self) -> bool:
        """Whether the other end is there, and sent nothing that nobody read."""
        try:
            return not self.can_read(0)
        except (RedisError, OSError):
            return False


def _leaves_traces(arguments: tuple[Any, ...]) -> bool:
    name = arguments[0] if arguments else ""
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return text.upper().partition(" ")[0] in _LEAVES_TRACES


def _outside_transaction(commands: list[Any]) -> list[Any]:
    """The commands but for the MULTI of one that ends in the same write."""
    ends = len(commands) > 1 and commands[0][0] == "MULTI" and commands[-1][0] == "EXEC"
    return commands[1:] if ends else commands


class _Pool(ConnectionPool):
    def __init__(self, kept: _Connection | None, options: dict[str, Any]) -> None:
        self._kept = kept
        self._made: list[_Connection] = [] if kept is None else [kept]
        self._over = False
        super().__init__(connection_class=_Connection, **options)

    def __repr__(self) -> str:
        kept = self.connection_kwargs
        return f"<ConnectionPool of {kept.get('host')}:{kept.get('port')}>"

    def make_connection(self) -> Any:
        if self._over:
            raise ConnectionError("the test to which this client belongs is over")
        if self._kept is not None:
            connection, self._kept = self._kept, None
            return connection
        made: Any = super().make_connection()
        self._made.append(made)
        return made

    def retire(self) -> _Connection | None:
        """Close every connection but one that can go on, which is given back."""
        self._over = True
        idle = [*self._available_connections, self._kept]
        # A thread that a test left behind must not reach the connection any more.
        self._available_connections = []
        going_on = None
        for connection in self._made:
            if going_on is None and connection in idle and connection.is_as_new():
                going_on = connection
            else:
                connection.disconnect()  # type: ignore[no-untyped-call]
        return going_on


def _fresh_copy(template: Redis, pool: _Pool) -> Redis:
    """What `Redis(connection_pool=pool)` gives, for a tenth of the time."""
    client = copy.copy(template)
    client.connection_pool = pool
    callbacks = type(template.response_callbacks)({})
    # Not by its own update(), which changes each name to upper case again.
    dict.update(callbacks, template.response_callbacks)
    client.response_callbacks = callbacks
    return client
