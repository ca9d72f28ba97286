"""One numbered database, which knows what its keys weigh and how many expired."""

from __future__ import annotations

from heapq import heappop
from typing import TYPE_CHECKING, Any

from fakeredis._core import Database

from pytest_nadia.redis.emulation.sizes import key_size

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pytest_nadia.redis.emulation.encodings import Limits


class WeighedDatabase(Database):
    """A database that measures only the keys that changed since it was last asked.

    Until somebody asks what it holds, it remembers nothing about changes. `expired` is called
    once for each key that expired.
    """

    def __init__(self, lock: threading.Lock, expired: Callable[[], None]) -> None:
        super().__init__(lock)
        self.changes = 0
        self._count_expired = expired
        self._sizes: dict[bytes, int] | None = None
        self._changed: set[bytes] = set()
        self._total = 0

    def weight(self, limits: Limits) -> int:
        """Bytes that all keys together take, estimated."""
        if self._sizes is None:
            self._sizes = {}
            self._changed = set(self._dict)
        for key in self._changed:
            self._weigh(key, limits, self._sizes)
        self._changed = set()
        return self._total

    def _weigh(self, key: bytes, limits: Limits, sizes: dict[bytes, int]) -> None:
        item = self._dict.get(key)
        size = key_size(key, item.value, limits) if item is not None else 0
        self._total += size - sizes.get(key, 0)
        if size:
            sizes[key] = size
        else:
            sizes.pop(key, None)

    def touch(self, key: bytes) -> None:
        """Remember that the value of `key` is not what it was."""
        self.changes += 1
        if self._sizes is not None:
            self._changed.add(key)
            if len(self._changed) > 1000 + 2 * len(self._dict):
                self._forget_sizes()

    def _forget_sizes(self) -> None:
        self._sizes = None
        self._changed = set()
        self._total = 0

    def notify_watch(self, key: bytes) -> None:
        self.touch(key)
        for socket in self._watches.get(key, ()):
            socket.notify_watch()
        if self._change_callbacks:
            self.wake_all()

    def clear(self) -> None:
        for key in list(self._watches):
            if key in self._dict:
                self.notify_watch(key)
        self.changes += len(self._dict)
        self._dict.clear()
        self._expiry_heap.clear()
        self._forget_sizes()

    def swap(self, other: Database) -> None:
        super().swap(other)
        for database in (self, other):
            if isinstance(database, WeighedDatabase):
                database._forget_sizes()
            for key in list(database._watches):
                if key in self._dict or key in other._dict:
                    database.notify_watch(key)

    def expiries(self) -> list[float]:
        """When each key that expires does so."""
        self._remove_expired()
        return [item.expireat for item in self._dict.values() if item.expireat is not None]

    def oldest(self) -> bytes | None:
        """The key that was written first, or None if there is none."""
        return next(iter(self), None)

    def soonest_to_expire(self) -> bytes | None:
        """The key that expires next, or None if none does."""
        self._remove_expired()
        for when, key in self._expiry_heap:
            item = self._dict.get(key)
            if item is not None and item.expireat == when:
                return key
        return None

    def evict(self, key: bytes) -> None:
        self.notify_watch(key)
        del self._dict[key]

    def __delitem__(self, key: bytes) -> None:
        self.touch(key)
        del self._dict[key]

    def __getitem__(self, key: bytes) -> Any:
        item = self._dict[key]
        if item.expireat is not None and self.expired(item):
            self._expire(key)
            raise KeyError(key)
        return item

    def get(self, key: bytes, default: Any = None) -> Any:
        item = self._dict.get(key)
        if item is None:
            return default
        if item.expireat is not None and self.expired(item):
            self._expire(key)
            return default
        return item

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self.get(key) is not None

    def _expire(self, key: bytes) -> None:
        self.notify_watch(key)
        del self._dict[key]
        self._count_expired()

    def _remove_expired(self) -> None:
        heap = self._expiry_heap
        while heap and heap[0][0] < self.time:
            _, key = heappop(heap)
            item = self._dict.get(key)
            if item is not None and self.expired(item):
                self._expire(key)
