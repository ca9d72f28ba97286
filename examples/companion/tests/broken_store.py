"""Faults of the store, and of what recovery keeps in it, by the names of the health matrix."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from companion.config import Settings
from companion.constants import OPERATIONS_KEPT
from companion.protocol import SqliteStore
from companion.recovery_log import RecoveryLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

DAY = 86_400.0
LOCK = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""
OPERATION = (
    "INSERT INTO operations (kind, status, started_at, messages, errors, seconds) "
    "VALUES ('play', ?, ?, ?, ?, 1.0)"
)


def used(path: Path) -> None:
    """A store that a bot has used, with one operation and one open source."""

    async def use() -> None:
        await SqliteStore(path).is_silenced("ana")
        log = RecoveryLog(path)
        async with log.operation("play") as operation:
            operation.messages = 20
        await log.looked_at("evening", finished=False)

    asyncio.run(use())


def stamp(age: float, *, naive: bool = False) -> str:
    at = datetime.now(UTC) - timedelta(seconds=age)
    return (at.replace(tzinfo=None) if naive else at).isoformat()


class BrokenStore:
    """`fault(name)` is a context manager in which the store at `path` has it, or None."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: dict[str, Callable[[sqlite3.Connection], object]] = {
            "store-without-schema": lambda db: db.execute("DROP TABLE operations"),
            "recovery-all-failed": lambda db: _operations(db, [("failed", 5, 0, 0)] * 4),
            "recovery-cursors-stale": lambda db: _cursors(db, stamp(2 * DAY)),
            "recovery-cursors-never-checked": lambda db: _cursors(db, None),
            "recovery-stale-naive-stamps": lambda db: _cursors(db, stamp(2 * DAY, naive=True)),
            "recovery-stale-aware-stamps": lambda db: _cursors(db, stamp(2 * DAY)),
            "recovery-fresh-naive-stamps": lambda db: _cursors(db, stamp(60, naive=True)),
            "recovery-fresh-aware-stamps": lambda db: _cursors(db, stamp(60)),
            "recovery-on-threshold": lambda db: _operations(db, [("done", 5, 100, 5)]),
            "recovery-over-threshold": lambda db: _operations(db, [("done", 5, 100, 6)]),
            "recovery-stuck-beyond-first-page": _stuck,
        }

    def fault(self, name: str) -> AbstractContextManager[None] | None:
        if name == "store-down":
            return self._away()
        if name == "store-hanging":
            return self._locked(3600)
        if name == "store-slightly-slow":
            return self._locked(0.1)
        return self._changed(self._faults[name]) if name in self._faults else None

    @contextmanager
    def _changed(self, change: Callable[[sqlite3.Connection], object]) -> Iterator[None]:
        kept = self._path.read_bytes()
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute("PRAGMA synchronous = OFF")
            change(db)
        yield
        self._path.write_bytes(kept)

    @contextmanager
    def _away(self) -> Iterator[None]:
        away = self._path.rename(f"{self._path}.away")
        yield
        away.rename(self._path)

    @contextmanager
    def _locked(self, seconds: float) -> Iterator[None]:
        """By another program: SQLite believes a lock of this one to last in a forked child."""
        command = [sys.executable, "-c", LOCK, str(self._path), str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
            assert program.stdout is not None
            program.stdout.read(1)
            yield
            program.kill()


def store(name: str) -> AbstractContextManager[None] | None:
    """For the store that the settings name by default, made if it is not there."""
    path = Settings().store
    if not path.exists():
        used(path)
    return BrokenStore(path).fault(name)


def _operations(db: sqlite3.Connection, rows: list[tuple[str, float, int, int]]) -> None:
    db.execute("DELETE FROM operations")
    for status, age, messages, errors in rows:
        db.execute(OPERATION, (status, stamp(age), messages, errors))


def _cursors(db: sqlite3.Connection, checked_at: str | None) -> None:
    db.execute("UPDATE cursors SET checked_at = ?", (checked_at,))


def _stuck(db: sqlite3.Connection) -> None:
    db.execute(OPERATION, ("running", stamp(3 * DAY), 0, 0))
    rows = [("done", stamp(60), 1, 0)] * (OPERATIONS_KEPT + 100)
    db.executemany(OPERATION, rows)
