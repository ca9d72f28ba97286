"""Would the bot catch up after a failure? Six dimensions, each with a deadline of its own.

What has happened within a day counts; on a quiet day the last operations do, however old they
are, so that a failure is not forgotten only because nothing was tried since.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from companion import config
from companion.constants import (
    CLOCK_LIMIT,
    CURSOR_SECONDS,
    DAY,
    ERRORS_CRITICAL,
    ERRORS_WARNING,
    FAILED_LIMIT,
    MESSAGE_SECONDS,
    OPERATION_SECONDS,
    OPERATIONS_AT_LEAST,
    OPERATIONS_KEPT,
    PROBE_SECONDS,
    STORE_SECONDS,
)
from companion.errors import ConfigError
from companion.moments import age
from companion.report import Found, limited, run_probes
from companion.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from companion.report import Probe, Report

    Look = Callable[[sqlite3.Connection], Found]

_COLUMNS = {
    "silenced": {"user"},
    "audit": {"number", "at", "user", "action", "reason"},
    "operations": {"number", "kind", "status", "started_at", "messages", "errors", "seconds"},
    "cursors": {"source", "checked_at", "finished"},
}
# Less than the deadline of a probe: a store that is locked says so in time.
_BUSY_SECONDS = 1.0


@dataclass(frozen=True)
class Ended:
    """An operation that is over. What nobody wrote down about it counts as nothing."""

    failed: bool
    age: float
    messages: int
    errors: int
    seconds: float


async def check() -> Report:
    """The health of the recovery, of the store that the settings name. Raises nothing."""
    try:
        store = config.from_environment(os.environ).store
    except ConfigError:
        store = config.Settings().store
    return await RecoveryChecker(store, os.environ).check()


class RecoveryChecker:
    """Looks into the store at `store`; `seconds` is the deadline of each dimension."""

    def __init__(
        self, store: Path, environment: Mapping[str, str], seconds: float = PROBE_SECONDS
    ) -> None:
        self._store = store
        self._environment = environment
        self._seconds = seconds

    async def check(self) -> Report:
        """Look at all dimensions side by side. Raises nothing but cancellation."""
        probes: dict[str, Probe] = {
            "configuration": self._configuration,
            "store": lambda: self._look(_store),
            "operations": lambda: self._look(_operations),
            "cursors": lambda: self._look(_cursors),
            "errors": lambda: self._look(_errors),
            "performance": lambda: self._look(_performance),
        }
        return await run_probes(probes, self._seconds)

    async def _configuration(self) -> Found:
        try:
            config.from_environment(self._environment)
        except ConfigError as error:
            return Found("critical", "; ".join(error.problems))
        return Found("ok", "every setting can be used")

    async def _look(self, look: Look) -> Found:
        return await in_thread(lambda: self._ask(look), self._seconds)

    def _ask(self, look: Look) -> Found:
        # Not created by a look at it.
        address = f"{self._store.absolute().as_uri()}?mode=rw"
        try:
            with closing(sqlite3.connect(address, timeout=_BUSY_SECONDS, uri=True)) as db:
                return look(db)
        except sqlite3.Error as error:
            return Found("critical", f"the store {self._store} cannot be used: {error}")


def _store(db: sqlite3.Connection) -> Found:
    start = time.monotonic()
    for table, wanted in _COLUMNS.items():
        rows = db.execute("SELECT name FROM pragma_table_info(?)", (table,))
        if missing := wanted - {name for (name,) in rows}:
            return Found("critical", f"its schema lacks {table}.{min(missing)}: start the bot once")
    (state,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        return Found("critical", f"it is damaged: {state}")
    db.execute("BEGIN IMMEDIATE")
    db.rollback()
    return limited(round(time.monotonic() - start, 3), STORE_SECONDS, "s to answer", "warning")


def _operations(db: sqlite3.Connection) -> Found:
    running = db.execute("SELECT kind, started_at FROM operations WHERE status = 'running'")
    stuck = [
        kind for kind, started in running if not -CLOCK_LIMIT <= _age(started) <= OPERATION_SECONDS
    ]
    if stuck:
        return Found("critical", f"{len(stuck)} stuck, running for too long; {stuck[0]}")
    ended = _ended(db)
    failed = sum(one.failed for one in ended)
    if ended and failed == len(ended):
        return Found("critical", f"all of the last {failed} operations failed", 100.0)
    return limited(_percent(failed, len(ended)), FAILED_LIMIT, "% of operations failed", "warning")


def _cursors(db: sqlite3.Connection) -> Found:
    rows = db.execute("SELECT source, checked_at FROM cursors WHERE NOT finished").fetchall()
    stale = [f"{source} {why}" for source, stamp in rows if (why := _staleness(stamp))]
    if not stale:
        return Found("ok", f"{len(rows)} open, all looked at within a day", 0.0)
    message = f"{len(stale)} of {len(rows)} cursors stale; {stale[0]}"
    half = len(stale) * 2 >= len(rows)
    return Found("critical" if half else "warning", message, float(len(stale)))


def _errors(db: sqlite3.Connection) -> Found:
    ended = _ended(db)
    errors = sum(one.errors for one in ended)
    rate = _percent(errors, max(errors, sum(one.messages for one in ended)))
    if rate > ERRORS_CRITICAL:
        return limited(rate, ERRORS_CRITICAL, "% of messages with errors", "critical")
    return limited(rate, ERRORS_WARNING, "% of messages with errors", "warning")


def _performance(db: sqlite3.Connection) -> Found:
    ended = _ended(db)
    messages = sum(max(1, one.messages) for one in ended)
    seconds = sum(one.seconds for one in ended) / max(1, messages)
    return limited(round(seconds, 3), MESSAGE_SECONDS, "s a message", "warning")


def _ended(db: sqlite3.Connection) -> Sequence[Ended]:
    """Those of the last day, and at least so many; a stamp that cannot be read is of today."""
    rows = db.execute(
        "SELECT status, started_at, messages, errors, seconds FROM operations "
        "WHERE status <> 'running' ORDER BY number DESC LIMIT ?",
        (OPERATIONS_KEPT,),
    )
    found = [_as_ended(*row) for row in rows]
    today = [one for one in found if not one.age > DAY]
    return today or found[:OPERATIONS_AT_LEAST]


def _as_ended(status: Any, started: Any, messages: Any, errors: Any, seconds: Any) -> Ended:
    failed = status != "done"
    return Ended(
        failed=failed,
        age=_age(started),
        messages=int(messages or 0),
        errors=int(errors) if errors is not None else int(failed),
        seconds=float(seconds or 0.0),
    )


def _staleness(stamp: Any) -> str:
    """Why a cursor with this stamp is stale; empty if it is not."""
    if stamp is None or stamp == "":
        return "was never looked at"
    seconds = _age(stamp)
    if seconds > CURSOR_SECONDS:
        return f"was looked at {seconds / 3600:.1f} hours ago"
    if not seconds >= -CLOCK_LIMIT:
        return f"has a time that cannot be: {stamp!r}"
    return ""


def _age(stamp: Any) -> float:
    """Seconds since a stamp of any form; not a number if it cannot be read."""
    try:
        return age(stamp)
    except ValueError:
        return float("nan")


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
