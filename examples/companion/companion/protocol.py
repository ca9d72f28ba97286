"""Quarantine, the silence protocol: a silenced user gets no answer until a person lifts it.

The store (SQLite) decides and keeps the audit trail; Redis remembers its answer for a while.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from companion.constants import BUFFER, DUE, HELD, SILENCE, WRITE_AHEAD
from companion.errors import StoreError
from companion.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from companion.state import State

    Result = TypeVar("Result")

# The held messages go back in front of the buffer, in their order.
LIFT = """
local held, buffer, due, ahead = unpack(KEYS, 2)
local user, due_at, length = unpack(ARGV, 2, 4)
if redis.call('LLEN', held) ~= tonumber(length) then return 'again' end
for i = #ARGV - 1, 5, -2 do
    redis.call('HSET', ahead, ARGV[i], ARGV[i + 1])
    redis.call('LPUSH', buffer, ARGV[i])
end
redis.call('ZADD', due, due_at, user)
redis.call('DEL', held)
return 'lifted'
"""

# Never over an answer that `silence` or `lift` wrote while the store was being asked.
FILL = """
local cached = redis.call('GET', KEYS[2])
if cached == '0' or cached == '1' then return cached end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
"""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS silenced (user TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    user TEXT NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class AuditEntry:
    """`at` is UTC in ISO 8601; `action` is "silence" or "lift"."""

    at: str
    user: str
    action: str
    reason: str


class SilenceStore(Protocol):
    """Where it is kept who is silenced; every method may raise StoreError."""

    async def is_silenced(self, user: str) -> bool: ...

    # Writes an audit entry only when the status really changes, and says whether it did.
    async def change(self, user: str, *, silenced: bool, reason: str) -> bool: ...

    async def audit(self, user: str) -> list[AuditEntry]: ...


class SqliteStore:
    """A SilenceStore in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def is_silenced(self, user: str) -> bool:
        return await self._run(lambda db: _is_silenced(db, user))

    async def change(self, user: str, *, silenced: bool, reason: str) -> bool:
        return await self._run(lambda db: _change(db, user, silenced, reason))

    async def audit(self, user: str) -> list[AuditEntry]:
        return await self._run(lambda db: _audit(db, user))

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.to_thread(use_store, self._path, _SCHEMA, work)


def use_store(path: Path, schema: str, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """What `work` gives in one transaction on the store at `path`. Raises StoreError."""
    try:
        with closing(sqlite3.connect(path, timeout=5)) as db:
            db.executescript(schema)
            with db:
                return work(db)
    except sqlite3.Error as error:
        raise StoreError(
            f"the store {path} cannot be used ({error}): "
            "repair it or name another with COMPANION_STORE"
        ) from error


class SilenceProtocol:
    """Asks the store, through a cache in Redis whose entries live `cache_seconds`."""

    def __init__(self, state: State, store: SilenceStore, cache_seconds: int) -> None:
        self._state = state
        self._store = store
        self._cache_seconds = cache_seconds

    async def is_silenced(self, user: str) -> bool:
        key = SILENCE + user
        cached = await self._state.text(key)
        if cached in ("0", "1"):
            return cached == "1"
        silenced = int(await self._store.is_silenced(user))
        return await self._state.run(FILL, [key], silenced, self._cache_seconds) == "1"

    async def silence(self, user: str, reason: str) -> bool:
        """Stop answering `user`; False if that was so already."""
        changed = await self._store.change(user, silenced=True, reason=reason)
        await self._remember(user)
        return changed

    async def lift(self, user: str, reason: str) -> bool:
        """Answer `user` again, beginning with the messages held back; False if none was."""
        changed = await self._store.change(user, silenced=False, reason=reason)
        await self._remember(user)
        await self._put_back(user)
        return changed

    async def recover(self) -> None:
        """Finish each lift that was interrupted between the store and Redis."""
        async for key in self._state.client.scan_iter(match=HELD + "*"):
            await self.release(str(key).removeprefix(HELD))

    async def release(self, user: str) -> None:
        """Put back what is held of `user`, unless the store says that they are silenced."""
        if not await self._remember(user):
            await self._put_back(user)

    async def held(self, user: str) -> list[Message]:
        """The messages of a silenced user, in their order."""
        key = HELD + user
        found = []
        for line in await self._state.lines(key):
            try:
                found.append(Message.from_json(line))
            except ValueError:
                await self._state.garbage(key, line)
                await self._state.client.lrem(key, 0, line)
        return found

    async def _remember(self, user: str) -> bool:
        """Write what the store says into the cache, again if it was changed meanwhile."""
        while True:
            silenced = await self._store.is_silenced(user)
            await self._state.client.set(SILENCE + user, int(silenced), ex=self._cache_seconds)
            if await self._store.is_silenced(user) == silenced:
                return silenced

    async def _put_back(self, user: str) -> None:
        keys = [HELD + user, BUFFER + user, DUE, WRITE_AHEAD]
        while messages := await self.held(user):
            pairs = [part for one in messages for part in (one.id, one.to_json())]
            due = repr(float(messages[0].at))
            if await self._state.run(LIFT, keys, user, due, len(messages), *pairs) == "lifted":
                return


def _is_silenced(db: sqlite3.Connection, user: str) -> bool:
    return db.execute("SELECT 1 FROM silenced WHERE user = ?", (user,)).fetchone() is not None


def _change(db: sqlite3.Connection, user: str, silenced: bool, reason: str) -> bool:
    if silenced:
        done = db.execute("INSERT OR IGNORE INTO silenced (user) VALUES (?)", (user,))
    else:
        done = db.execute("DELETE FROM silenced WHERE user = ?", (user,))
    if done.rowcount != 1:
        return False
    action = "silence" if silenced else "lift"
    entry = (user, action, reason)
    db.execute("INSERT INTO audit (user, action, reason) VALUES (?, ?, ?)", entry)
    return True


def _audit(db: sqlite3.Connection, user: str) -> list[AuditEntry]:
    rows = db.execute(
        "SELECT at, user, action, reason FROM audit WHERE user = ? ORDER BY number", (user,)
    )
    return [AuditEntry(*row) for row in rows]
