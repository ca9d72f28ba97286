"""Threads in `time.sleep`: they wake when the virtual clock has reached their time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.timing.hands import Hands


@dataclass(eq=False, slots=True)
class _Sleeper:
    due: float
    thread: threading.Thread = field(default_factory=threading.current_thread)
    awake: threading.Event = field(default_factory=threading.Event)


class Sleepers:
    """Knows who is asleep, and who has been and is awake; `looks` says when, as a number."""

    def __init__(self, hands: Hands, looks: Callable[[], int]) -> None:
        self._hands, self._looks = hands, looks
        self._lock = threading.Lock()
        self._asleep: list[_Sleeper] = []
        self._roused: dict[threading.Thread, int] = {}
        self._is_over = False

    def sleep(self, seconds: float) -> None:
        """Wait until somebody else has moved the clock so far."""
        sleeper = _Sleeper(self._hands.steady + seconds)
        with self._lock:
            if self._is_over:
                return
            self._asleep.append(sleeper)
            self._roused.pop(sleeper.thread, None)
        sleeper.awake.wait()

    def is_asleep(self, thread: int) -> bool:
        with self._lock:
            return any(one.thread.ident == thread for one in self._asleep)

    def roused(self) -> list[tuple[int, int]]:
        """The threads that were woken, still live, and do not sleep again; and when that was."""
        with self._lock:
            self._roused = {one: when for one, when in self._roused.items() if one.is_alive()}
            return [(one.ident or 0, when) for one, when in self._roused.items()]

    def limit(self, seconds: float | None) -> float | None:
        """The time until the first one wakes, `seconds` at most; None if there is no end."""
        with self._lock:
            first = min((one.due for one in self._asleep), default=None)
        if first is None:
            return seconds
        left = max(0.0, first - self._hands.steady)
        return left if seconds is None else min(left, seconds)

    def wake(self) -> None:
        """Those whose time has come: they are at work before the clock moves again."""
        with self._lock:
            self._rouse([one for one in self._asleep if one.due <= self._hands.steady])

    def release(self) -> None:
        with self._lock:
            self._is_over = True
            self._rouse(self._asleep)

    def _rouse(self, sleepers: list[_Sleeper]) -> None:
        self._asleep = [one for one in self._asleep if one not in sleepers]
        for sleeper in sleepers:
            self._roused[sleeper.thread] = self._looks()
            sleeper.awake.set()
