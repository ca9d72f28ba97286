"""What the bot did to catch up, and how far each source of messages was read, in the store."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from companion.constants import OPERATIONS_KEPT
from companion.moments import now
from companion.protocol import use_store
from companion.threads import in_thread

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import TypeVar

    Result = TypeVar("Result")

SCHEMA = """
CREATE TABLE IF NOT EXISTS operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, status TEXT NOT NULL, started_at TEXT NOT NULL,
    messages INTEGER, errors INTEGER, seconds REAL
);
CREATE TABLE IF NOT EXISTS cursors (
    source TEXT PRIMARY KEY, checked_at TEXT, finished INTEGER NOT NULL DEFAULT 0
);
"""
_SECONDS = 10.0


@dataclass
class Operation:
    """One catching up; `messages` it was about and `errors` among them are set while it runs."""

    number: int
    messages: int = 0
    errors: int = 0


class RecoveryLog:
    """Writes into the store in one file. Every method may raise StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def operation(self, kind: str) -> AsyncIterator[Operation]:
        """Record what happens inside, also that it failed."""
        number = await self._run(lambda db: _begin(db, kind))
        operation, start = Operation(number), time.monotonic()
        try:
            yield operation
        except BaseException:
            operation.errors = max(1, operation.errors)
            await self._end(operation, "failed", time.monotonic() - start)
            raise
        await self._end(operation, "done", time.monotonic() - start)

    async def looked_at(self, source: str, *, finished: bool) -> None:
        """Remember that `source` was looked at now, and whether all of it was read."""
        row = (source, now().isoformat(), finished)
        await self._run(lambda db: db.execute("REPLACE INTO cursors VALUES (?, ?, ?)", row))

    async def _end(self, operation: Operation, status: str, seconds: float) -> None:
        row = (status, operation.messages, operation.errors, seconds, operation.number)
        await self._run(
            lambda db: db.execute(
                "UPDATE operations SET status = ?, messages = ?, errors = ?, seconds = ? "
                "WHERE number = ?",
                row,
            )
        )

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await in_thread(lambda: use_store(self._path, SCHEMA, work), _SECONDS)


def _begin(db: sqlite3.Connection, kind: str) -> int:
    # There is one bot at a time: what still runs was interrupted when the last one was killed.
    db.execute(
        "UPDATE operations SET status = 'failed', errors = 1 WHERE status = 'running' AND kind = ?",
        (kind,),
    )
    db.execute(
        "DELETE FROM operations WHERE number <= (SELECT max(number) FROM operations) - ?",
        (OPERATIONS_KEPT,),
    )
    row = (kind, now().isoformat())
    done = db.execute(
        "INSERT INTO operations (kind, status, started_at) VALUES (?, 'running', ?)", row
    )
    return int(done.lastrowid or 0)
