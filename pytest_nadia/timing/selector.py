"""A selector that waits in virtual time, around the real one of an event loop."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import selectors

    from pytest_nadia.timing.waits import Waits

    Events = list[tuple[selectors.SelectorKey, int]]

# While others are at work; they wake the selector when they are ready.
_SLICE_SECONDS = 0.001
# While nothing at all is due.
_IDLE_SECONDS = 0.02
# For the answer of a server of which the clock knows nothing.
_GRACE_SECONDS = 0.02


class VirtualSelector:
    """Everything but `select` is the real one's."""

    def __init__(self, real: selectors.BaseSelector, waits: Waits) -> None:
        self._real, self._waits = real, waits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def select(self, timeout: float | None = None) -> Events:
        events = self._real.select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        deadline = None if timeout is None else self._waits.steady() + timeout
        with self._waits.waiting(self, deadline):
            return self._wait(deadline)

    def _wait(self, deadline: float | None) -> Events:
        if self._has_strangers() and (events := self._real.select(_GRACE_SECONDS)):
            return events
        while True:
            moved = self._waits.pass_time() if self._waits.is_one_waiting() else None
            pause = _SLICE_SECONDS if moved is None else 0 if moved else _IDLE_SECONDS
            if deadline is not None and self._waits.steady() >= deadline:
                pause = 0
            events = self._real.select(pause)
            if events or (deadline is not None and self._waits.steady() >= deadline):
                return events

    def _has_strangers(self) -> bool:
        """Whether the loop listens to the other end of a connection that keeps real time."""
        return any(self._is_strange(key.fd) for key in self._real.get_map().values())

    def _is_strange(self, number: int) -> bool:
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as sock:
            if sock.family not in (socket.AF_INET, socket.AF_INET6):
                return False
            return sock.getpeername() not in self._waits.known
        return False
