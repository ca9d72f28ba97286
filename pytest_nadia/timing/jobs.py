"""What runs in threads for an event loop: while it does, no time passes."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Job:
    """One call in a thread. `is_asleep` while it is in the virtual `time.sleep`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.is_asleep = False

    def wrap(self, function: Callable[..., T]) -> Callable[..., T]:
        return partial(self._run, function)

    def _run(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        self._jobs.here.job = self
        try:
            return function(*arguments, **named)
        finally:
            self._jobs.here.job = None

    def end(self) -> None:
        """The event loop knows the result, or wants none any more."""
        self._jobs.running.discard(self)


class Jobs:
    def __init__(self) -> None:
        self.running: set[Job] = set()
        self.here = threading.local()

    def begin(self) -> Job:
        job = Job(self)
        self.running.add(job)
        return job

    @property
    def is_any_at_work(self) -> bool:
        return any(not job.is_asleep for job in tuple(self.running))

    @property
    def current(self) -> Job | None:
        """The job in which the caller runs."""
        job: Job | None = getattr(self.here, "job", None)
        return job
