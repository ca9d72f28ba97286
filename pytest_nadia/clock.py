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
        self._sleepers = Sleepers(self._hands, self._jobs)
        self._waits = Waits(self.monotonic, self._pass_time)
        self._followers: list[Follower] = []
        self._lock = threading.RLock()
        self._driver: Driver | None = None
        self._watcher = Watcher(self._waits.pass_time, self._waits.is_one_waiting)
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
        if not self._followers:
            self._stack.enter_context(self._watcher.at_work())
        self._followers.append(follower)

    def _move(self, seconds: float) -> None:
        self._hands.move(seconds)
        self._sleepers.wake()

    def _sleep(self, seconds: float) -> None:
        seconds = checked_seconds(seconds)
        if self._driver is not None and self._driver.is_elsewhere:
            self._sleepers.sleep(seconds)
        else:
            self.advance(seconds)
        give_way()

    def _pass_time(self, seconds: float | None) -> float | None:
        """Move on to what is due next, `seconds` away at most; gives by how much.

        None: somebody is still at work, so that no time may pass.
        """
        if self._sleepers.take_roused() or any(map(self._watcher.is_at_work, self._jobs.awake())):
            return None
        with self._lock:
            left = self._sleepers.limit(seconds)
            for follower in self._followers:
                if (left := follower.until_due(left)) is None:
                    return None
            if left:
                # First here: who waits for the answer of a follower reads the time after it.
                self._move(left)
                for follower in self._followers:
                    follower.advance(left)
            return left or 0.0

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._stack as stack:
            stack.callback(self._leave)
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
