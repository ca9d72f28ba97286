"""What runs in threads for an event loop: while it does, no time passes."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Job:
    """One call in a thread, 0 before it began. `is_asleep` while it is in the virtual `sleep`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.is_asleep = False
        self.thread = 0

    def wrap(self, function: Callable[..., T]) -> Callable[..., T]:
        return partial(self._run, function)

    def _run(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        self._jobs.here.job = self
        self.thread = threading.get_ident()
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

    def awake(self) -> list[Job]:
        return [job for job in tuple(self.running) if not job.is_asleep]

    @property
    def current(self) -> Job | None:
        """The job in which the caller runs."""
        job: Job | None = getattr(self.here, "job", None)
        return job
