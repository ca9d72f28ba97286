"""One virtual clock for the event loop, the time functions, and the Redis of the tests."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_nadia.requirements import missing_requirement
from pytest_nadia.timing import real
from pytest_nadia.timing.hands import Hands
from pytest_nadia.timing.jobs import Jobs
from pytest_nadia.timing.loops import LoopError, drive_loops
from pytest_nadia.timing.patches import checked_seconds, give_way, replace_time
from pytest_nadia.timing.sleepers import Sleepers
from pytest_nadia.timing.waits import Waits
from pytest_nadia.timing.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.timing.follower import Follower
    from pytest_nadia.timing.loops import Driver

_HUNDRED_YEARS = 3_155_760_000
_running: threading.Lock = threading.Lock()


class ClockError(Exception):
    """The virtual clock cannot do what it is asked; one line."""


class VirtualClock:
    """Time that passes only when it is told to, or when everybody waits for it.

    Three things move it: `advance`, a `time.sleep`, and an event loop that has nothing to do but
    wait for its next timer. All methods may be called from any thread.
    """

    def __init__(self, start: float) -> None:
        self._hands = Hands(start)
        self._jobs = Jobs()
        self._waits = Waits(self.monotonic, self._pass_time)
        self._watcher = Watcher(self._waits.pass_time_outside)
        self._sleepers = Sleepers(self._hands, lambda: self._watcher.looks)
        self._followers: list[Follower] = []
        self._lock = threading.RLock()
        self._driver: Driver | None = None
        self._stack = ExitStack()

    def time(self) -> float:
        """Seconds since the epoch, as `time.time()`."""
        return self._hands.wall

    def monotonic(self) -> float:
        """Seconds that only ever grow, as `time.monotonic()`, `perf_counter()` and the loop's."""
        return self._hands.steady

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.fromtimestamp(self._hands.wall, UTC)

    def advance(
        self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> None:
        """Move all clocks on at once, that of the embedded Redis too.

        What falls due on the way runs when the event loop next turns, in the order in which it is
        due. Raises ValueError unless the sum is a number of seconds from 0 to a hundred years.
        """
        total = seconds + 60 * minutes + 3600 * hours + 86_400 * days
        if not 0 <= total <= _HUNDRED_YEARS:
            raise ValueError(f"advance takes from 0 to {_HUNDRED_YEARS} seconds, not {total!r}")
        with self._lock:
            for follower in self._followers:
                follower.advance(total)
            self._move(total)

    def step(self, seconds: float) -> None:
        """Put the wall clock forward, or back by a negative number; nothing else moves."""
        self._hands.step(seconds)

    def zone(self, name: str) -> None:
        """Let local time be that of this zone, such as "Europe/Madrid".

        Raises ValueError if there is no such zone.
        """
        self._hands.zone(name)

    def follow(self, follower: Follower) -> None:
        """Let another process keep this time from now on."""
        follower.hold(self._hands.wall)
        self._waits.known |= follower.addresses
        self._watcher.start()
        self._followers.append(follower)

    def _move(self, seconds: float) -> None:
        self._hands.move(seconds)
        self._sleepers.wake()

    def _sleep(self, seconds: float) -> None:
        seconds = checked_seconds(seconds)
        if self._is_movers_own():
            self.advance(seconds)
        else:
            self._watcher.start()
            self._sleepers.sleep(seconds)
        give_way()

    def _is_movers_own(self) -> bool:
        """Whether nobody else would move the clock while the caller sleeps."""
        driver = self._driver
        if driver is None or driver.is_here:
            return True
        return driver.is_nowhere and threading.get_ident() == self._watcher.owner

    def _pass_time(self, seconds: float | None) -> float | None:
        """Move on to what is due next, `seconds` away at most; gives by how much.

        None: somebody is still at work, so that no time may pass.
        """
        if any(map(self._is_job_at_work, self._jobs.threads())) or self._watcher.sees_beginners():
            return None
        if not all(self._watcher.is_blocked(*each) for each in self._sleepers.roused()):
            return None
        with self._lock:
            left = self._sleepers.limit(seconds)
            for follower in self._followers:
                due = follower.until_due(left)
                if due is None or not self._waits.has_arrived(follower):
                    return None
                left = due or left
            if self._waits.is_one_called():
                return None
            if left:
                # First here: who waits for the answer of a follower reads the time after it.
                self._move(left)
                for follower in self._followers:
                    follower.advance(left)
            return left or 0.0

    def _is_job_at_work(self, thread: int) -> bool:
        """Neither asleep nor waiting for one of those who follow the clock."""
        if not thread:
            return True
        if self._sleepers.is_asleep(thread):
            return False
        waits = self._watcher.is_blocked(thread)
        return not (waits and self._watcher.reads_from(thread, self._waits.known))

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._stack as stack:
            stack.callback(self._leave)
            stack.callback(self._watcher.stop)
            stack.enter_context(replace_time(self._hands, self._sleep))
            self._driver = stack.enter_context(drive_loops(self._waits, self._jobs))
            yield

    def _leave(self) -> None:
        for follower in self._followers:
            follower.release()
        self._sleepers.release()


@contextmanager
def virtual_clock(start: datetime | float | None = None) -> Iterator[VirtualClock]:
    """Replace the time of this process; `start` is the wall clock's, else that of the machine.

    Raises ClockError inside another one, or where the running event loop is not one of asyncio's.
    """
    if problem := missing_requirement("virtual_clock", ["time_machine"]):
        raise ClockError(problem)
    if not _running.acquire(blocking=False):
        raise ClockError("a virtual clock is at work already: there is one time for all")
    try:
        clock = VirtualClock(_seconds(start))
        with clock._at_work():
            yield clock
    except LoopError as error:
        raise ClockError(str(error)) from error
    finally:
        _running.release()


def _seconds(start: datetime | float | None) -> float:
    if start is None:
        return real.wall()
    return start.timestamp() if isinstance(start, datetime) else float(start)
