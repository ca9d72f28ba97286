"""Threads in `time.sleep`: they wake when the virtual clock has reached their time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_nadia.timing.hands import Hands
    from pytest_nadia.timing.jobs import Job, Jobs


@dataclass(eq=False, slots=True)
class _Sleeper:
    due: float
    job: Job | None
    awake: threading.Event = field(default_factory=threading.Event)


class Sleepers:
    def __init__(self, hands: Hands, jobs: Jobs) -> None:
        self._hands, self._jobs = hands, jobs
        self._lock = threading.Lock()
        self._asleep: list[_Sleeper] = []
        self._is_over = False
        self._roused = False

    def sleep(self, seconds: float) -> None:
        """Wait until somebody else has moved the clock so far."""
        sleeper = _Sleeper(self._hands.steady + seconds, self._jobs.current)
        with self._lock:
            if self._is_over:
                return
            self._asleep.append(sleeper)
            if sleeper.job is not None:
                sleeper.job.is_asleep = True
        sleeper.awake.wait()

    def limit(self, seconds: float | None) -> float | None:
        """The time until the first one wakes, `seconds` at most; None if there is no end."""
        with self._lock:
            first = min((one.due for one in self._asleep), default=None)
        if first is None:
            return seconds
        left = max(0.0, first - self._hands.steady)
        return left if seconds is None else min(left, seconds)

    def wake(self) -> None:
        """Those whose time has come; a job among them is at work before the clock moves again."""
        with self._lock:
            self._rouse([one for one in self._asleep if one.due <= self._hands.steady])

    def take_roused(self) -> bool:
        """Whether a thread that is no job was woken since the last time that this was asked."""
        roused, self._roused = self._roused, False
        return roused

    def release(self) -> None:
        with self._lock:
            self._is_over = True
            self._rouse(self._asleep)

    def _rouse(self, sleepers: list[_Sleeper]) -> None:
        self._asleep = [one for one in self._asleep if one not in sleepers]
        for sleeper in sleepers:
            if sleeper.job is None:
                self._roused = True
            else:
                sleeper.job.is_asleep = False
            sleeper.awake.set()
