from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from companion.constants import OPERATIONS_KEPT
from companion.protocol import SqliteStore
from companion.recovery_health import RecoveryChecker, check
from companion.recovery_log import RecoveryLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from companion.report import Report

pytestmark = [pytest.mark.integration, pytest.mark.redis(off=True)]

HOUR = 3600


class Store:
    """A store that a bot has used, and what a test puts into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = RecoveryLog(path)
        asyncio.run(self._used())
        self.sql("DELETE FROM operations")

    async def _used(self) -> None:
        await SqliteStore(self.path).is_silenced("ana")
        async with self.log.operation("recover"):
            pass

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("PRAGMA synchronous = OFF")
            with db:
                return db.execute(statement, values).fetchall()

    def operation(
        self,
        status: str = "done",
        age: float = 60,
        messages: int | None = 20,
        errors: int | None = 0,
        seconds: float | None = 1.0,
    ) -> None:
        self.sql(
            "INSERT INTO operations (kind, status, started_at, messages, errors, seconds) "
            "VALUES ('play', ?, ?, ?, ?, ?)",
            *(status, stamp(age), messages, errors, seconds),
        )

    def cursor(self, source: str, checked_at: str | None, *, finished: bool = False) -> None:
        self.sql("INSERT INTO cursors VALUES (?, ?, ?)", source, checked_at, finished)

    def check(self, seconds: float = 5.0, **environment: str) -> Report:
        return asyncio.run(RecoveryChecker(self.path, environment, seconds).check())

    def faults(self, **more: Any) -> dict[str, tuple[str, str]]:
        found = self.check(**more).components
        return {one.name: (one.status, one.message) for one in found if one.status != "ok"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite3")


def stamp(age: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=age)).isoformat()


def test_a_bot_that_did_nothing_yet_is_healthy(store: Store) -> None:
    report = store.check()
    assert report.healthy
    assert [one.name for one in report.components] == [
        *("configuration", "store", "operations", "cursors", "errors", "performance")
    ]


def test_settings_that_cannot_be_used(store: Store) -> None:
    found = store.faults(COMPANION_WINDOW="soon", COMPANION_ZZ="1")
    assert found == {
        "configuration": (
            "critical",
            "COMPANION_WINDOW must be a number, not 'soon'; COMPANION_ZZ is not a setting",
        )
    }


OF_THE_STORE = ["store", "operations", "cursors", "errors", "performance"]


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite3"
    report = asyncio.run(RecoveryChecker(path, {}).check())
    bad = [one for one in report.components if one.status == "critical"]
    assert [one.name for one in bad] == OF_THE_STORE
    assert bad[0].message == f"the store {path} cannot be used: unable to open database file"
    assert not path.exists()


@pytest.mark.parametrize("table", ["silenced", "audit", "operations", "cursors"])
def test_a_table_that_is_missing(store: Store, table: str) -> None:
    store.sql(f"DROP TABLE {table}")
    status, message = store.faults()["store"]
    assert status == "critical"
    assert message.startswith(f"its schema lacks {table}.")


def test_a_column_that_is_missing(store: Store) -> None:
    store.sql("ALTER TABLE cursors DROP COLUMN finished")
    message = "its schema lacks cursors.finished: start the bot once"
    assert store.faults()["store"] == ("critical", message)


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_store_that_is_no_database(store: Store, content: bytes) -> None:
    store.path.write_bytes(content)
    assert list(store.faults()) == OF_THE_STORE


def test_a_locked_store_says_so_within_the_deadline(store: Store) -> None:
    start = time.monotonic()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = store.faults(seconds=0.1)
    assert found == dict.fromkeys(OF_THE_STORE, ("critical", "no answer within 0.1 s"))
    assert time.monotonic() - start < 30


def test_a_store_that_can_only_be_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("companion.recovery_health._BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        found = store.faults()
    assert found == {
        "store": ("critical", f"the store {store.path} cannot be used: database is locked")
    }


def test_all_operations_failed(store: Store) -> None:
    for _ in range(3):
        store.operation("failed", messages=0, errors=0)
    assert store.faults() == {"operations": ("critical", "all of the last 3 operations failed")}


@pytest.mark.parametrize(
    ("failed", "status"), [(0, ""), (2, ""), (3, "warning"), (19, "warning"), (20, "critical")]
)
def test_some_operations_of_twenty_failed(store: Store, failed: int, status: str) -> None:
    for number in range(20):
        store.operation("failed" if number < failed else "done", errors=0)
    assert [one for one, _ in store.faults().values()] == ([status] if status else [])


@pytest.mark.parametrize("days", [0, 0.3, 1, 3, 300])
def test_failures_are_not_forgotten_by_waiting(store: Store, days: float) -> None:
    for _ in range(5):
        store.operation("failed", days * 24 * HOUR + 60, messages=10, errors=10)
    assert list(store.faults()) == ["operations", "errors"]
    store.operation("done", 0)
    found = store.faults()
    assert list(found) == (["operations", "errors"] if days < 1 else [])


@pytest.mark.parametrize(
    ("errors", "status"),
    [(0, ""), (50, ""), (51, "warning"), (100, "warning"), (101, "critical"), (1000, "critical")],
)
def test_error_rates_at_and_over_their_limits(store: Store, errors: int, status: str) -> None:
    for part in (errors // 2, errors - errors // 2):
        store.operation(messages=500, errors=part)
    found = store.faults()
    assert {name: one for name, (one, _) in found.items()} == ({"errors": status} if status else {})


@pytest.mark.parametrize(
    ("messages", "errors", "healthy"),
    [(None, None, True), (0, 0, True), (10, None, True), (0, 3, False), (None, 3, False)],
)
def test_errors_that_nobody_counted(
    store: Store, messages: int | None, errors: int | None, healthy: bool
) -> None:
    store.operation(messages=messages, errors=errors, seconds=None)
    assert list(store.faults()) == ([] if healthy else ["errors"])


def test_a_failure_whose_errors_nobody_counted_is_one(store: Store) -> None:
    store.operation(messages=9)
    store.operation("failed", messages=None, errors=None)
    assert store.faults()["errors"][0] == "critical"


@pytest.mark.parametrize(("hours", "stuck"), [(0.1, False), (1.9, False), (2.1, True), (99, True)])
def test_an_operation_that_runs_for_too_long(store: Store, hours: float, stuck: bool) -> None:
    store.operation("running", hours * HOUR)
    message = "1 stuck, running for too long; play"
    assert store.faults() == ({"operations": ("critical", message)} if stuck else {})


def test_a_stuck_operation_behind_many_others(store: Store) -> None:
    store.operation("running", 30 * 24 * HOUR)
    rows = [(stamp(60),)] * (OPERATIONS_KEPT + 200)
    with closing(sqlite3.connect(store.path)) as db, db:
        db.executemany(
            "INSERT INTO operations (kind, status, started_at) VALUES ('play', 'done', ?)", rows
        )
    assert list(store.faults()) == ["operations"]


@pytest.mark.parametrize("text", ["", "yesterday", "12", None])
def test_a_start_that_cannot_be_read_is_stuck(store: Store, text: str | None) -> None:
    store.operation("running")
    store.sql("UPDATE operations SET started_at = ?", "" if text is None else text)
    assert list(store.faults()) == ["operations"]


FORMS: dict[str, Callable[[datetime], str]] = {
    "aware": lambda at: at.isoformat(),
    "Z": lambda at: at.isoformat().replace("+00:00", "Z"),
    "naive": lambda at: at.replace(tzinfo=None).isoformat(),
    "space": lambda at: at.replace(tzinfo=None).isoformat(" ", "seconds"),
    "offset": lambda at: at.astimezone(timezone(timedelta(hours=-7))).isoformat(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("hours", "stale"), [(0, False), (23.99, False), (24.01, True), (1e4, True)]
)
def test_cursors_of_every_form_of_a_time(
    store: Store, form: str, hours: float, stale: bool
) -> None:
    store.cursor("a", FORMS[form](datetime.now(UTC) - timedelta(hours=hours)))
    (found,) = [one for one in store.check().components if one.name == "cursors"]
    assert found.status == ("critical" if stale else "ok")


@pytest.mark.parametrize(
    ("stamp_", "why"),
    [
        (None, "was never looked at"),
        ("", "was never looked at"),
        ("soon", "has a time that cannot be: 'soon'"),
        ("2999-01-01", "has a time that cannot be: '2999-01-01'"),
    ],
)
def test_a_cursor_without_a_time(store: Store, stamp_: str | None, why: str) -> None:
    for name in "abc":
        store.cursor(name, stamp(60))
    store.cursor("z", stamp_)
    assert store.faults() == {"cursors": ("warning", f"1 of 4 cursors stale; z {why}")}


@pytest.mark.parametrize(("stale", "status"), [(1, "warning"), (2, "critical"), (4, "critical")])
def test_half_of_the_cursors_are_too_many(store: Store, stale: int, status: str) -> None:
    for number in range(4):
        store.cursor(str(number), stamp(60 if number >= stale else 25 * HOUR))
    assert store.faults()["cursors"][0] == status


def test_a_source_that_was_read_to_its_end_grows_old_in_peace(store: Store) -> None:
    store.cursor("a", stamp(1000 * HOUR), finished=True)
    assert store.faults() == {}


@pytest.mark.parametrize(("seconds", "slow"), [(1200.0, False), (1201.0, True), (-5.0, True)])
def test_messages_that_take_too_long(store: Store, seconds: float, slow: bool) -> None:
    store.operation(messages=20, seconds=seconds)
    assert list(store.faults()) == (["performance"] if slow else [])


def test_a_clock_that_was_set_back_a_little_is_no_fault(store: Store) -> None:
    store.operation("running", -60)
    store.operation("done", -60)
    store.cursor("a", stamp(-60))
    assert store.faults() == {}


def test_an_operation_is_written_down(store: Store) -> None:
    async def story() -> None:
        async with store.log.operation("play") as operation:
            operation.messages, operation.errors = 7, 2
        with pytest.raises(KeyError):
            async with store.log.operation("play"):
                raise KeyError
        await store.log.looked_at("evening", finished=False)

    asyncio.run(story())
    rows = store.sql("SELECT kind, status, messages, errors FROM operations")
    assert rows == [("play", "done", 7, 2), ("play", "failed", 0, 1)]
    assert store.sql("SELECT source, finished FROM cursors") == [("evening", 0)]


def test_what_was_killed_has_failed_and_what_is_old_is_forgotten(store: Store) -> None:
    for _ in range(3):
        store.operation("running")
    store.sql("UPDATE operations SET number = number - 10000 WHERE number < 4")

    async def story() -> None:
        async with store.log.operation("play"):
            pass

    asyncio.run(story())
    assert store.sql("SELECT status FROM operations") == [("failed",), ("done",)]


def test_by_default_it_looks_where_the_settings_say(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_STORE", str(store.path))
    assert asyncio.run(check()).healthy
    monkeypatch.setenv("COMPANION_WINDOW", "soon")
    bad = [one.name for one in asyncio.run(check()).components if one.status != "ok"]
    assert bad[0] == "configuration"
