"""What the virtual clock shows: one hand that only goes on, and one that people set."""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pytest_nadia.timing import real

if TYPE_CHECKING:
    from collections.abc import Iterator

    from time_machine import Traveller

_NANO = 1_000_000_000
_DAY = 86_400


def first_instant() -> int:
    """Where the steady clock begins: later than any timer that a loop was given in real time.

    It is the same for a month and more, because sums of fractions are rounded by their size, and
    so which of two equal times is the first.
    """
    multiple = 1 << 22
    return (int(real.monotonic()) + _DAY) // multiple * multiple + multiple


class Hands:
    """Both in whole nanoseconds, so that a day of small steps is exactly a day."""

    def __init__(self, start: float) -> None:
        self.steady_ns = first_instant() * _NANO
        self._start = start
        self._traveller: Traveller | None = None

    @property
    def steady(self) -> float:
        return self.steady_ns / _NANO

    @property
    def wall(self) -> float:
        """Seconds since the epoch."""
        seconds: float = time.time()
        return seconds

    def move(self, seconds: float) -> None:
        """Both go on, by the next whole nanosecond: who waits for a time must reach it."""
        nanoseconds = math.ceil(seconds * _NANO)
        self.steady_ns += nanoseconds
        self._shift(nanoseconds)

    def step(self, seconds: float) -> None:
        self._shift(round(seconds * _NANO))

    def _shift(self, nanoseconds: int) -> None:
        if self._traveller is not None:
            self._traveller.shift(nanoseconds / _NANO)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While this lasts the time of day is this one's, everywhere in the process."""
        import time_machine

        before = os.environ.get("TZ")
        with time_machine.travel(self._start, tick=False) as self._traveller:
            try:
                yield
            finally:
                _set_zone(before)

    def zone(self, name: str) -> None:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"there is no time zone {name!r}") from error
        _set_zone(name)


def _set_zone(name: str | None) -> None:
    if name is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = name
    time.tzset()
