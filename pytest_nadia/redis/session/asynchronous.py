"""Clients of redis.asyncio whose sockets can be closed without their event loop's help.

A fixture that is not asynchronous ends when the loop of the test is idle, or closed, or was
replaced by another. asyncio closes a socket only while its loop runs, so whoever waits for it
gets a ResourceWarning.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.exceptions import ConnectionError

from pytest_nadia.redis.client_options import check_options

if TYPE_CHECKING:
    from collections.abc import Iterable

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


@dataclass(frozen=True, slots=True)
class _Opened:
    loop: asyncio.AbstractEventLoop
    transport: asyncio.WriteTransport
    connection: _Connection


class AsyncClients:
    """Makes clients for one test, and closes all their sockets at its end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[Redis] = []
        self._opened: list[_Opened] = []
        self.is_over = False

    def make(self, *, single_connection_client: bool = False, **options: Any) -> Redis:
        """The options are those of `redis.asyncio.Redis.from_url`."""
        pool = _Pool.from_url(self._url, connection_class=_Connection, clients=self, **options)
        check_options(pool, options)
        client = Redis(connection_pool=pool, single_connection_client=single_connection_client)
        client.auto_close_connection_pool = True
        # A client with a connection of its own complains if it is deleted before `close`.
        self._made.append(client)
        return client

    def check_open(self) -> None:
        if self.is_over:
            raise ConnectionError("the test to which this client belongs is over")

    def add(self, opened: _Opened) -> None:
        self._opened.append(opened)

    def close(self) -> None:
        self.is_over = True
        for opened in self._opened:
            _close(opened)
        _let_finish({opened.loop for opened in self._opened})
        for client in self._made:
            client.connection = None
        self._opened.clear()
        self._made.clear()


class _Connection(Connection):
    def __init__(self, *, clients: AsyncClients, **options: Any) -> None:
        super().__init__(**options)
        self._clients = clients
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_lost(self) -> bool:
        """Nothing can be awaited any more; `AsyncClients.close` does what is left to do."""
        return self._clients.is_over or (self._loop is not None and self._loop.is_closed())

    async def _connect(self) -> None:
        self._clients.check_open()
        await super()._connect()  # type: ignore[no-untyped-call]
        self._loop = asyncio.get_running_loop()
        if self._writer is not None:
            self._clients.add(_Opened(self._loop, self._writer.transport, self))

    async def disconnect(self, *arguments: Any, **options: Any) -> None:
        # A task that never ended is deleted some time after its loop, and comes through here.
        if not self.is_lost:
            await super().disconnect(*arguments, **options)

    def forget(self) -> None:
        self._reader = self._writer = None


class _Pool(ConnectionPool):
    """Can be used from one event loop after another."""

    _loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        kept = self.connection_kwargs
        return f"<ConnectionPool of {kept.get('host')}:{kept.get('port')}>"

    async def get_connection(self, *arguments: Any, **options: Any) -> Any:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self.reset()  # type: ignore[no-untyped-call]
            self._lock = asyncio.Lock()
        return await super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call]

    async def release(self, connection: Any) -> None:
        if not connection.is_lost:
            await super().release(connection)


def _close(opened: _Opened) -> None:
    if opened.loop.is_closed():
        _close_without_loop(opened.transport)
        opened.connection.forget()
    elif opened.loop.is_running():
        opened.loop.call_soon_threadsafe(_abort, opened)
    else:
        _abort(opened)


def _abort(opened: _Opened) -> None:
    opened.transport.abort()
    # Not sooner: a stream writer that is deleted looks whether its transport is closing.
    opened.connection.forget()


def _close_without_loop(transport: Any) -> None:
    """What asyncio's own transport does at its end, if its loop still lets it."""
    socket = getattr(transport, "_sock", None)
    if socket is not None:
        transport._closing = True
        transport._sock = None
        socket.close()


def _let_finish(loops: Iterable[asyncio.AbstractEventLoop]) -> None:
    """One turn for each loop that is idle: it closes the sockets that were aborted."""
    if _in_a_running_loop():
        return
    for loop in loops:
        if not loop.is_closed() and not loop.is_running():
            loop.run_until_complete(asyncio.sleep(0))


def _in_a_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
