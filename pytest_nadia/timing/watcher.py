"""Threads may wait for what only time brings, such as the end of a BLPOP: somebody must move it."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.timing.jobs import Job

    Place = tuple[int, int]

_LOOK_SECONDS = 0.002
# So often in a row at the same instruction: it waits, and does not work.
_LOOKS = 3
# Where clients of Redis read from their sockets.
_READERS = ("_parsers", "connection.py", socket.__file__)


class Watcher:
    """Looks at the thread that started the clock, and at those that run a loop's jobs.

    Lets time pass while the first is blocked outside an event loop, and tells of a job whether it
    only reads from a socket.
    """

    def __init__(
        self, pass_time: Callable[[], float | None], is_one_waiting: Callable[[], bool]
    ) -> None:
        self._pass_time, self._is_one_waiting = pass_time, is_one_waiting
        self._first = threading.get_ident()
        self._still: dict[int, tuple[Place, int]] = {}
        self._over = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch, name="nadia-clock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def is_at_work(self, job: Job) -> bool:
        looks = self._still.get(job.thread, ((0, 0), 0))[1]
        return looks < _LOOKS

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look()
            blocked = self._still.get(self._first, ((0, 0), 0))[1] >= _LOOKS
            if blocked and not self._is_one_waiting():
                self._pass_time()

    def _look(self) -> None:
        """Count for each thread how often it was seen at the same place."""
        places = {
            thread: (id(frame), frame.f_lasti)
            for thread, frame in sys._current_frames().items()
            if thread == self._first or _reads(frame.f_code.co_filename)
        }
        was = self._still
        self._still = {
            thread: (place, was[thread][1] + 1 if was.get(thread, (None, 0))[0] == place else 0)
            for thread, place in places.items()
        }


def _reads(path: str) -> bool:
    return any(each in path for each in _READERS)
