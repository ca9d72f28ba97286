"""An event loop for a process that stands between others and must cost them little.

After each event it looks again for a moment before it sleeps, because waking up costs more than
the work itself. `make bench` prints what a command costs.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from pytest_nadia.redis.front.timers import Timers

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pytest_nadia.redis.front.clock import Clock
    from pytest_nadia.redis.front.timers import Timer

_SPIN_SECONDS = 100e-6
_READ, _WRITE = select.POLLIN, select.POLLOUT
# A socket that is in trouble is read and written, where the trouble shows.
_TROUBLE = select.POLLERR | select.POLLHUP | select.POLLNVAL


_NOBODY = (None, None)


class Loop:
    """Calls back when sockets are ready and when timers are due."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._poll = select.poll()
        self._calls: dict[int, tuple[Callable[[], None] | None, Callable[[], None] | None]] = {}
        self._first: set[int] = set()
        self._timers = Timers(clock.now)
        self._real_timers = Timers(time.monotonic)
        self._soon: list[Callable[[], None]] = []
        self._running = True

    def watch(
        self,
        sock: socket.socket | int,
        read: Callable[[], None] | None,
        write: Callable[[], None] | None = None,
        *,
        goes_first: bool = False,
    ) -> None:
        """Call `read` and `write` when the socket is ready for it; None leaves it alone.

        One that goes first is served before all others that are ready at the same time.
        """
        number = sock if isinstance(sock, int) else sock.fileno()
        if read or write:
            self._poll.register(number, (_READ if read else 0) | (_WRITE if write else 0))
            self._calls[number] = read, write
            if goes_first:
                self._first.add(number)
        elif self._calls.pop(number, None):
            self._poll.unregister(number)
            self._first.discard(number)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return self._timers.add(seconds, call)

    def call_really_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """By the machine's time: for what belongs to the wire and not to the data."""
        return self._real_timers.add(seconds, call)

    def call_soon(self, call: Callable[[], None]) -> None:
        self._soon.append(call)

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        while self._running:
            self._run_due()
            if self._is_stopped():
                return
            ready = self._ready()
            if len(ready) > 1:
                ready.sort(key=lambda event: event[0] not in self._first)
            for number, events in ready:
                self._serve(number, events)
            self._run_soon()

    def _serve(self, number: int, events: int) -> None:
        _, write = self._calls.get(number, _NOBODY)
        if write and events & (_WRITE | _TROUBLE):
            write()
        read, _ = self._calls.get(number, _NOBODY)
        if read and events & (_READ | _TROUBLE):
            read()

    def _is_stopped(self) -> bool:
        return not self._running

    def advance(self, seconds: float) -> None:
        """Move the clock, and run on the way what falls due, at its time."""
        end = self.clock.now() + seconds
        while (left := self._timers.left()) is not None and self.clock.now() + left <= end:
            self.clock.jump(left)
            self._timers.run_due()
            self._run_soon()
        self.clock.jump(max(0.0, end - self.clock.now()))

    def until_due(self, limit: float | None) -> float:
        """Seconds to what is due next, `limit` at most; 0.0 if nothing ever is."""
        left = self._timers.left()
        return min((each for each in (left, limit) if each is not None), default=0.0)

    def rewind(self) -> None:
        """Take back what `advance` has added; each timer waits as long as it would have."""
        ahead = self.clock.rewind()
        if ahead:
            self._timers.shift(-ahead)

    def _run_due(self) -> None:
        self._timers.run_due()
        self._real_timers.run_due()

    def _run_soon(self) -> None:
        while self._soon:
            calls, self._soon = self._soon, []
            for call in calls:
                call()

    def _ready(self) -> list[tuple[int, int]]:
        """The events there are now, or soon, or at last; none when a timer is due first."""
        poll, now = self._poll.poll, time.monotonic
        if self._soon:
            return poll(0)
        end = now() + _SPIN_SECONDS
        while True:
            if events := poll(0):
                return events
            if now() > end:
                return poll(self._patience())
            os.sched_yield()

    def _patience(self) -> float | None:
        """Milliseconds until the next timer that the machine's time will reach."""
        left = [self._real_timers.left(), None if self.clock.is_held else self._timers.left()]
        return min((1000 * each for each in left if each is not None), default=None)
