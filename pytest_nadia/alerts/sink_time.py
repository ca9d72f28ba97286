"""How the sinks keep time: the machine's, or a virtual clock's that they follow."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.alerts.sink_demands import Demand

_NANOSECOND = 1e-9


@dataclass(eq=False, slots=True)
class _Delay:
    due: float
    wake: Callable[[], None]
    is_counted: bool = False


class SinkTime:
    """A follower of the virtual clock (`pytest_nadia.timing.follower`).

    No virtual time passes while a sink is at work on an answer. A delay ends when the virtual
    time has come, or when so much real time is over: a client without an event loop waits in real
    time, and nobody moves the clock for it.
    """

    def __init__(self) -> None:
        self.addresses: set[tuple[str, int]] = set()
        self.traffic: dict[int, tuple[int, int]] | None = None
        self._lock = threading.Lock()
        self._busy = 0
        self._has_answered = False
        self._steady = 0.0
        self._delays: list[_Delay] = []
        self._owing: list[Callable[[], bool]] = []

    def ask(self, is_owing: Callable[[], bool]) -> None:
        """`is_owing`: whether something has come that nobody has begun to read."""
        self._owing.append(is_owing)

    def begin(self) -> None:
        with self._lock:
            self._busy += 1

    def end(self) -> None:
        with self._lock:
            self._busy -= 1
            # Its reader may not have seen the answer yet.
            self._has_answered = True

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self.begin()
        try:
            yield
        finally:
            self.end()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """In the middle of work: wait for something that is not owed to anybody."""
        self.end()
        try:
            yield
        finally:
            self.begin()

    @contextmanager
    def delayed(self, demand: Demand, wake: Callable[[], None]) -> Iterator[None]:
        """`wake` is called when the demanded time has passed virtually, or the demand is lifted.

        A hang has no such time.
        """
        with self._lock:
            due = self._steady + demand.seconds if demand.kind == "delay" else math.inf
            delay = _Delay(due, wake)
            self._delays.append(delay)
        demand.when_lifted(wake)
        try:
            yield
        finally:
            with self._lock:
                if delay.is_counted:
                    self._busy -= 1
                else:
                    self._delays.remove(delay)

    def wait(self, demand: Demand) -> None:
        """In the middle of work in a thread: wait as long as the demand wants."""
        is_over = threading.Event()
        with self.delayed(demand, is_over.set), self.idle():
            is_over.wait(demand.seconds if demand.kind == "delay" else None)

    # What the clock calls

    def hold(self, wall: float) -> None:
        """Nothing stops: the sinks have no time of their own."""

    def release(self) -> None:
        """Delays end in real time."""

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._move(seconds)

    def until_due(self, seconds: float | None) -> float | None:
        with self._lock:
            if self._busy or self._has_answered or any(owing() for owing in self._owing):
                self._has_answered = False
                return None
            left = min((one.due for one in self._delays), default=math.inf) - self._steady
            if seconds is None:
                return left if left < math.inf else 0.0
            return min(left, seconds)

    def _move(self, seconds: float) -> None:
        self._steady += seconds
        for delay in [one for one in self._delays if one.due <= self._steady + _NANOSECOND]:
            self._delays.remove(delay)
            # Who is woken is at work before the clock moves again.
            delay.is_counted = True
            self._busy += 1
            delay.wake()
