"""A selector that waits in virtual time, around the real one of an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_nadia.timing.traffic import connection_of, is_opening

if TYPE_CHECKING:
    import selectors

    from pytest_nadia.timing.traffic import Connection
    from pytest_nadia.timing.waits import Waits

    Events = list[tuple[selectors.SelectorKey, int]]

# While others are at work; they wake the selector when they are ready.
_SLICE_SECONDS = 0.001
# While nothing at all is due.
_IDLE_SECONDS = 0.02
# For the answer of a server of which the clock knows nothing.
_GRACE_SECONDS = 0.02
# A server that takes no connections at all must not stop the clock.
_SLICES_TO_OPEN = 300
# Of a loop that never waits: somebody polls the time, with `asyncio.sleep(0)` in between.
_MANY_TURNS = 2000


class VirtualSelector:
    """Everything but `select` is the real one's."""

    def __init__(self, real: selectors.BaseSelector, waits: Waits) -> None:
        self._real, self._waits = real, waits
        self._turns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def select(self, timeout: float | None = None) -> Events:
        events = self._real.select(0)
        if timeout is not None and timeout <= 0:
            self._turns = 0 if events else self._turns + 1
            if self._turns > _MANY_TURNS:
                self._waits.creep()
            return events
        self._turns = 0
        if events:
            return events
        deadline = None if timeout is None else self._waits.steady() + timeout
        with self._waits.waiting(self, deadline):
            return self._wait(deadline)

    def has_events(self) -> bool:
        """They stay for the next `select`."""
        return bool(self._real.select(0))

    def _wait(self, deadline: float | None) -> Events:
        if events := self._wait_for_others():
            return events
        while True:
            moved = self._waits.pass_time()
            pause = _SLICE_SECONDS if moved is None else 0 if moved else _IDLE_SECONDS
            if deadline is not None and self._waits.steady() >= deadline:
                pause = 0
            events = self._real.select(pause)
            if events or (deadline is not None and self._waits.steady() >= deadline):
                return events

    def _wait_for_others(self) -> Events:
        """What comes from those who keep real time, and connections that are being made."""
        for _ in range(_SLICES_TO_OPEN):
            if not any(is_opening(key.fd) for key in tuple(self._real.get_map().values())):
                break
            if events := self._real.select(_SLICE_SECONDS):
                return events
        return self._real.select(_GRACE_SECONDS) if self._has_strangers() else []

    def _has_strangers(self) -> bool:
        """Whether the loop listens to the other end of a connection that keeps real time."""
        return any(one.peer not in self._waits.known for one in self.connections())

    def connections(self) -> list[Connection]:
        """Those to which the loop listens."""
        found = (connection_of(key.fd) for key in tuple(self._real.get_map().values()))
        return [one for one in found if one is not None]
