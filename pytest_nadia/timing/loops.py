"""asyncio's event loops on the virtual clock: instead of waiting for a timer they jump to it."""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
from asyncio.selector_events import BaseSelectorEventLoop
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from pytest_nadia.timing import real
from pytest_nadia.timing.selector import VirtualSelector
from pytest_nadia.timing.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.timing.jobs import Jobs


class LoopError(Exception):
    """The running event loop cannot be driven; one line."""


class Driver:
    """Takes over each of asyncio's loops for as long as it runs."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._start, self._real_start = waits.steady(), real.monotonic()
        self._driven: dict[BaseSelectorEventLoop, None] = {}
        self._threads: set[int] = set()

    @property
    def is_here(self) -> bool:
        """Whether a loop runs in the caller's thread."""
        return threading.get_ident() in self._threads

    @property
    def is_nowhere(self) -> bool:
        return not self._threads

    @contextmanager
    def drive(self, loop: BaseSelectorEventLoop) -> Iterator[None]:
        attributes = cast("Any", loop)
        before = attributes._selector
        thread = threading.get_ident()
        attributes._selector = VirtualSelector(before, self._waits)
        if loop not in self._driven:
            self._driven[loop] = None
            self._take_over_time(attributes)
        self._threads.add(thread)
        self._waits.running += 1
        try:
            yield
        finally:
            self._waits.running -= 1
            self._threads.discard(thread)
            attributes._selector = before

    def _take_over_time(self, loop: Any) -> None:
        """What the loop was to do in real time it does after as much of this one."""
        for handle in loop._scheduled:
            if handle._when < self._start:
                handle._when += self._start - self._real_start
        heapq.heapify(loop._scheduled)

    def give_back_time(self) -> None:
        """What still waits in the loops waits as long in real time."""
        ahead = self._waits.steady() - real.monotonic()
        for loop in self._driven:
            for handle in cast("Any", loop)._scheduled:
                handle._when -= ahead


@contextmanager
def drive_loops(waits: Waits, jobs: Jobs) -> Iterator[Driver]:
    """Raises LoopError if a loop runs here that is not one of asyncio's selector loops."""
    driver = Driver(waits)
    loop = asyncio._get_running_loop()
    if loop is not None and not isinstance(loop, BaseSelectorEventLoop):
        raise LoopError(
            f"virtual_clock drives asyncio's own event loops, not {type(loop).__module__}."
            f"{type(loop).__name__}: run this test on one of them"
        )
    with ExitStack() as stack:
        stack.callback(driver.give_back_time)
        _patch_loops(stack, driver, waits, jobs)
        if loop is not None:
            stack.enter_context(driver.drive(loop))
        yield driver


def _patch_loops(stack: ExitStack, driver: Driver, waits: Waits, jobs: Jobs) -> None:
    base = asyncio.BaseEventLoop
    run_forever, run_in_executor = base.run_forever, base.run_in_executor

    def run(self: asyncio.BaseEventLoop) -> None:
        if not isinstance(self, BaseSelectorEventLoop):
            run_forever(self)
            return
        with driver.drive(self):
            run_forever(self)

    def run_job(
        self: asyncio.BaseEventLoop, executor: Any, function: Callable[..., Any], *arguments: Any
    ) -> asyncio.Future[Any]:
        job = jobs.begin()
        # What goes to another process must be picklable, and sleeps there in real time.
        call = function if isinstance(executor, ProcessPoolExecutor) else job.wrap(function)
        try:
            future = run_in_executor(self, executor, call, *arguments)
        except BaseException:
            job.end()
            raise
        future.add_done_callback(lambda _: job.end())
        return future

    stack.enter_context(patch.object(base, "time", lambda _: waits.steady()))
    stack.enter_context(patch.object(base, "run_forever", run))
    stack.enter_context(patch.object(base, "run_in_executor", run_job))
    if "anyio" in sys.modules:
        _patch_anyio(stack, jobs)


def _patch_anyio(stack: ExitStack, jobs: Jobs) -> None:
    """Its threads are its own, and known to no executor."""
    from anyio._backends._asyncio import AsyncIOBackend

    in_thread = AsyncIOBackend.run_sync_in_worker_thread

    async def run_job(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        job = jobs.begin()
        try:
            return await in_thread(job.wrap(function), *arguments, **named)
        finally:
            job.end()

    stack.enter_context(
        patch.object(AsyncIOBackend, "run_sync_in_worker_thread", staticmethod(run_job))
    )
