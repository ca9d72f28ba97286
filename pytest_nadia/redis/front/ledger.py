"""What came over the wire since the last reset: commands and connections."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_nadia.redis.wire import ConnectionRecord

if TYPE_CHECKING:
    from pytest_nadia.redis.front.entry import Entry
    from pytest_nadia.redis.wire import CommandRecord


class Visit:
    """One connection of a client."""

    __slots__ = ("closed", "name", "number", "opened", "port")

    def __init__(self, number: int, port: int, opened: float) -> None:
        self.number, self.port, self.opened = number, port, opened
        self.closed = 0.0
        self.name = ""

    def record(self) -> ConnectionRecord:
        return ConnectionRecord(self.number, self.port, self.opened, self.closed, self.name)


class Ledger:
    """Grows until `forget`, which the next test's beginning calls.

    `backstage` counts, from the start on, the commands that belong to no test.
    """

    def __init__(self) -> None:
        self.trips = 0
        self.backstage: Counter[str] = Counter()
        self._number = 0
        self._visits = 0
        self._entries: list[Entry] = []
        self._connections: dict[int, Visit] = {}

    @property
    def next_number(self) -> int:
        return self._number + 1

    def add(self, entry: Entry) -> None:
        self._number += 1
        entry.number = self._number
        self._entries.append(entry)

    def open(self, port: int, now: float) -> Visit:
        self._visits += 1
        visit = Visit(self._visits, port, now)
        self._connections[visit.number] = visit
        return visit

    def records(self, since: int) -> list[CommandRecord]:
        """Those numbered `since` or higher."""
        first = max(0, since - self._first_number)
        return [entry.record() for entry in self._entries[first:]]

    def connections(self) -> list[ConnectionRecord]:
        return [visit.record() for visit in self._connections.values()]

    def forget(self) -> None:
        self._entries = []
        self._connections = {n: v for n, v in self._connections.items() if not v.closed}

    @property
    def _first_number(self) -> int:
        return self._number - len(self._entries) + 1
