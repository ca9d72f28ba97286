"""What a test demands of a sink: to fail, to be slow, to hang, to be down."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pytest_nadia.alerts.sink_inbox import AlertSinkError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self


class UnmetDemandError(AlertSinkError):
    """A demand that nothing met, so the test did not test it."""


class Demand:
    """What a sink does to the next `times` messages, or to all until `lift` if it is None.

    Lifted at the end of its `with` block, if it is used with one.
    """

    def __init__(self, call: str, kind: str, stage: str, times: int | None) -> None:
        if times is not None and times < 1:
            raise SinkError(f"{call}: times must be at least 1")
        self.kind = kind
        self.stage = stage
        self.must_be_met = True
        self.status = 0
        self.seconds = 0.0
        self.retry_after: float | str | None = None
        self.lifted = threading.Event()
        self._call = call
        self._times = times
        self._met = 0
        self._told = False
        self._when_lifted: list[Callable[[], None]] = []

    @property
    def met(self) -> int:
        """How many messages, or connections, it was done to."""
        return self._met

    @property
    def is_active(self) -> bool:
        return not self.lifted.is_set() and (self._times is None or self._met < self._times)

    def meet(self) -> None:
        self._met += 1

    def lift(self) -> None:
        """Behave again; who hangs or waits because of it is let go. Twice is as good as once."""
        if self.lifted.is_set():
            return
        self.lifted.set()
        for call in self._when_lifted:
            call()

    def when_lifted(self, call: Callable[[], None]) -> None:
        self._when_lifted.append(call)
        if self.lifted.is_set():
            call()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        self.lift()
        if error is None and (problem := self.unmet()):
            raise UnmetDemandError(problem)

    def unmet(self) -> str:
        """That too little met it, in one line and only once, or ""."""
        wanted = self._times or 1
        if self._told or not self.must_be_met or self._met >= wanted:
            return ""
        self._told = True
        if not self._met:
            return f"{self._call} was demanded, and nothing met it"
        return f"{self._call} was demanded {wanted} times, and met {self._met}"


class Demands:
    """Those of one sink: met in the order in which they were made."""

    def __init__(self) -> None:
        self._all: list[Demand] = []
        self._lock = threading.Lock()

    def add(self, demand: Demand) -> Demand:
        with self._lock:
            self._all.append(demand)
        return demand

    def take(self, stage: str) -> Demand | None:
        """The one to be met at this stage of a message's arrival, counted as met."""
        with self._lock:
            for demand in self._all:
                if demand.stage == stage and demand.is_active:
                    demand.meet()
                    return demand
        return None

    def lift_all(self) -> None:
        for demand in self._all:
            demand.lift()

    def unmet(self) -> list[str]:
        return [problem for demand in self._all if (problem := demand.unmet())]


def checked_seconds(name: str, seconds: float) -> float:
    """Raises SinkError unless it is a number of seconds from 0 on."""
    if not 0 <= seconds < float("inf"):
        raise SinkError(f"{name} takes seconds from 0 on, not {seconds!r}")
    return float(seconds)


def as_called(owner: str, name: str, *arguments: object, **named: object) -> str:
    """The call as it was written, for messages; what is None was not."""
    parts = [repr(one) for one in arguments]
    parts += [f"{key}={value!r}" for key, value in named.items() if value is not None]
    return f"alert_sinks.{owner}.{name}({', '.join(parts)})"
