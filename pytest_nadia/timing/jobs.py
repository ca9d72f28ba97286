"""What runs in threads for an event loop: while it does, no time passes."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Job:
    """One call in a thread; `thread` is 0 before it has begun."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.thread = 0

    def wrap(self, function: Callable[..., T]) -> Callable[..., T]:
        return partial(self._run, function)

    def _run(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        self.thread = threading.get_ident()
        return function(*arguments, **named)

    def end(self) -> None:
        """The event loop knows the result, or wants none any more."""
        self._jobs.running.discard(self)


class Jobs:
    def __init__(self) -> None:
        self.running: set[Job] = set()

    def begin(self) -> Job:
        job = Job(self)
        self.running.add(job)
        return job

    def threads(self) -> list[int]:
        return [job.thread for job in tuple(self.running)]
