"""Threads may wait for what only time brings, such as the end of a BLPOP: somebody must move it."""

from __future__ import annotations

import select
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Place = tuple[int, int]
    Address = tuple[str, int]

_LOOK_SECONDS = 0.002
# So often in a row asleep at the same instruction: it waits, and does not work.
_LOOKS = 3
# After so many one that never waits holds up nobody any more.
_LOOKS_AT_BEGINNERS = 25
_NEVER_SEEN = ((0, 0), -1)


class Watcher:
    """Looks at what threads do, and moves the clock while its owner's is blocked outside a loop.

    A synchronous BLPOP is such a case: its client reads from a socket, and the Redis waits for
    the clock.
    """

    def __init__(self, pass_time: Callable[[], object]) -> None:
        self._pass_time = pass_time
        self.owner = threading.get_ident()
        self.looks = 0
        self._before = threading.enumerate()
        self._still: dict[int, tuple[Place, int]] = {}
        self._seen: dict[int, int] = {}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """From the moment on at which there may be something to wait for."""
        with self._lock:
            if self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(target=self._watch, name="nadia-clock", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._over.set()
        with self._lock:
            if self._thread is not None:
                self._thread.join()

    def is_blocked(self, thread: int, since: int = 0) -> bool:
        """Whether it waits for something, and began to after `since`, a value of `looks`."""
        return _LOOKS <= self._still.get(thread, _NEVER_SEEN)[1] < self.looks - since

    def sees_beginners(self) -> bool:
        """Whether a thread has been started so lately that it may not have come to its sleep."""
        known = {*self._before, self._thread}
        new = [one.ident for one in threading.enumerate() if one not in known]
        if new:
            self.start()
        return any(not self._is_settled(one) for one in new if one is not None)

    def _is_settled(self, thread: int) -> bool:
        return self.is_blocked(thread) or self._seen.get(thread, 0) >= _LOOKS_AT_BEGINNERS

    def reads_from(self, thread: int, addresses: set[Address]) -> bool:
        """Whether it waits for one of these servers, and nothing has come from there."""
        frame = sys._current_frames().get(thread)
        sockets = list(_sockets(frame)) if frame else []
        return any(_peer(one) in addresses and not _is_readable(one) for one in sockets)

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look()
            if self.is_blocked(self.owner):
                self._pass_time()

    def _look(self) -> None:
        """Count for each thread how often it was seen asleep at the same place."""
        numbers = {one.ident: one.native_id for one in threading.enumerate()}
        still = {}
        for thread, frame in sys._current_frames().items():
            place = (id(frame), frame.f_lasti)
            before, looks = self._still.get(thread, _NEVER_SEEN)
            is_same = place == before and _sleeps(numbers.get(thread))
            still[thread] = (place, looks + 1 if is_same else 0)
        self._still = still
        self.looks += 1
        self._seen = {thread: self._seen.get(thread, 0) + 1 for thread in still}


def _sleeps(native: int | None) -> bool:
    """Whether the operating system says so: a thread that waits for its turn only seems to."""
    if native is None or sys.platform != "linux":
        return True
    try:
        stat = Path(f"/proc/self/task/{native}/stat").read_bytes()
    except OSError:
        return True
    return stat.rpartition(b")")[2].split()[0] != b"R"


def _sockets(frame: FrameType) -> Iterator[socket.socket]:
    """Those that a function has in its hands."""
    values = list(frame.f_locals.values())
    for value in [*values, *(getattr(one, "_sock", None) for one in values)]:
        if isinstance(value, socket.socket):
            yield value


def _peer(sock: socket.socket) -> Address:
    try:
        peer: Any = sock.getpeername()
    except OSError:
        return "", 0
    return peer[:2] if isinstance(peer, tuple) else (str(peer), 0)


def _is_readable(sock: socket.socket) -> bool:
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True
