"""Who waits for what, and for how long: time passes when all event loops do nothing else."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Waits:
    """`running` counts the event loops; `steady` gives the clock, `pass_time` moves it."""

    def __init__(
        self, steady: Callable[[], float], pass_time: Callable[[float | None], float | None]
    ) -> None:
        self.steady = steady
        self._pass_time = pass_time
        self.running = 0
        self.known: set[tuple[str, int]] = set()
        self._deadlines: dict[object, float | None] = {}
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self, who: object, deadline: float | None) -> Iterator[None]:
        self._deadlines[who] = deadline
        try:
            yield
        finally:
            del self._deadlines[who]

    def is_one_waiting(self) -> bool:
        """Whether all event loops that run have nothing to do, so that they move the clock."""
        return 0 < self.running <= len(self._deadlines)

    def pass_time(self) -> float | None:
        """Move the clock to the nearest deadline of all, or to what is due before it.

        Gives the seconds; None if somebody is at work.
        """
        with self._lock:
            deadlines = [one for one in self._deadlines.values() if one is not None]
            left = max(0.0, min(deadlines) - self.steady()) if deadlines else None
            return self._pass_time(left)
