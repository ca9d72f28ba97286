"""Calls that are due later, in the order in which they are."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """A call that is due later, until `cancel`."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Timers:
    """`now` is the time by which they are due."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def add(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self._now() + seconds, call)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        return timer

    def run_due(self) -> None:
        while self._heap and self._heap[0][0] <= self._now():
            _, _, timer = heapq.heappop(self._heap)
            if timer.call:
                timer.call()

    def left(self) -> float | None:
        """Seconds until the next one is due; None if there is none."""
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - self._now()) if self._heap else None

    def shift(self, seconds: float) -> None:
        """All are due so much later, or earlier."""
        self._heap = [(due + seconds, order, timer) for due, order, timer in self._heap]
