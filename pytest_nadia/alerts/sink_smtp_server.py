"""An event loop in a thread, on the machine's time, in which aiosmtpd answers."""

from __future__ import annotations

import asyncio
import selectors
import threading
from typing import TYPE_CHECKING, Any, cast

from pytest_nadia.alerts.sink_listener import is_readable
from pytest_nadia.timing import real

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pytest_nadia.alerts.sink_time import SinkTime

_MOST_SECONDS = 5.0


class _RealTimeLoop(asyncio.SelectorEventLoop):
    """A virtual clock replaces the time of all loops, but not of this one."""

    def time(self) -> float:
        return real.monotonic()


class _Selector(selectors.DefaultSelector):
    """The loop is at work but for when it waits in here."""

    def __init__(self, time: SinkTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> Any:
        with self._time.idle():
            return super().select(timeout)


class LoopThread:
    """Runs until `close`; the loop has no listener of its own, it is given connections."""

    def __init__(self, name: str, time: SinkTime) -> None:
        self._time = time
        self._loop = _RealTimeLoop(_Selector(time))
        self._transports: set[asyncio.Transport] = set()
        self._is_over = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def has_unread(self) -> bool:
        sockets = [one.get_extra_info("socket") for one in tuple(self._transports)]
        return any(is_readable(one) for one in sockets if one is not None and one.fileno() >= 0)

    def serve(self, connection: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        """Give it a connection, to be served by a protocol that `make` makes in the loop."""
        # The loop is at work on it from now on, also while it still sleeps.
        self._time.begin()
        self._loop.call_soon_threadsafe(self._take, connection, make)

    def call(self, function: Callable[[], object]) -> None:
        """Have it called in the loop, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def hang_up(self) -> None:
        self.call(self._stop)

    def _take(self, connection: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        connection.setblocking(False)
        task = self._loop.create_task(self._connect(connection, make))
        task.add_done_callback(lambda _: self._time.end())

    async def _connect(
        self, connection: socket.socket, make: Callable[[], asyncio.Protocol]
    ) -> None:
        transport, _ = await self._loop.connect_accepted_socket(make, connection)
        self._transports.add(transport)

    def _stop(self) -> None:
        self._is_over = True

    def _run(self) -> None:
        """Not `run_forever`: a virtual clock replaces it, and would drive this loop too."""
        loop = cast("Any", self._loop)
        asyncio._set_running_loop(self._loop)
        self._time.begin()
        try:
            while not self._is_over:
                loop._run_once()
            self._end(loop)
        finally:
            self._time.end()
            asyncio._set_running_loop(None)
            self._loop.close()

    def _end(self, loop: Any) -> None:
        for transport in self._transports:
            transport.abort()
        deadline = real.monotonic() + _MOST_SECONDS
        while (tasks := asyncio.all_tasks(self._loop)) and real.monotonic() < deadline:
            for task in tasks:
                task.cancel()
            loop.call_later(0.01, _nothing)
            loop._run_once()
        # What the transports still have to say.
        loop.call_soon(_nothing)
        loop._run_once()


def _nothing() -> None:
    """Keeps a loop that has nothing else to do from waiting."""
