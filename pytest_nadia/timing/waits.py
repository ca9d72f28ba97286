"""Who waits for what, and for how long: time passes when all event loops do nothing else."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.timing.follower import Follower
    from pytest_nadia.timing.selector import VirtualSelector


_MOMENT = 0.001


class Waits:
    """`running` counts the event loops; `steady` gives the clock, `pass_time` moves it."""

    def __init__(
        self, steady: Callable[[], float], pass_time: Callable[[float | None], float | None]
    ) -> None:
        self.steady = steady
        self._pass_time = pass_time
        self.running = 0
        self.known: set[tuple[str, int]] = set()
        self._deadlines: dict[VirtualSelector, float | None] = {}
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self, who: VirtualSelector, deadline: float | None) -> Iterator[None]:
        self._deadlines[who] = deadline
        try:
            yield
        finally:
            # Nobody goes on to work while another thread is about to move the clock.
            with self._lock:
                del self._deadlines[who]

    def has_arrived(self, follower: Follower) -> bool:
        """Whether nothing is under way between the loops that wait and the follower."""
        theirs = follower.traffic
        if theirs is None:
            return True
        ours = (one for selector in tuple(self._deadlines) for one in selector.connections())
        return all(one.has_arrived(theirs) for one in ours if one.peer in follower.addresses)

    def is_one_called(self) -> bool:
        """Whether something came for a loop that waits since it looked."""
        return any(selector.has_events() for selector in tuple(self._deadlines))

    def creep(self) -> None:
        """Let a moment pass for one who asks again and again whether its time has come."""
        with self._lock:
            self._pass_time(_MOMENT)

    def pass_time(self) -> float | None:
        """Move the clock to the nearest deadline of all loops, or to what is due before it.

        Gives the seconds; None if somebody is at work.
        """
        with self._lock:
            return self._pass() if len(self._deadlines) >= self.running else None

    def pass_time_outside(self) -> None:
        """The same where the owner of the clock is blocked, in a loop of its own or without one."""
        with self._lock:
            if not self.running or len(self._deadlines) < self.running:
                self._pass()

    def _pass(self) -> float | None:
        deadlines = [one for one in self._deadlines.values() if one is not None]
        left = max(0.0, min(deadlines) - self.steady()) if deadlines else None
        return self._pass_time(left)
