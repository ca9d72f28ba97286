"""Faults of a store beside Redis: a SQLite file, or whatever a function can break."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.health.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_nadia.health.matrix import HealthMatrix

STORE = ["store"]
RECOVERY = [fault.name for fault in CATALOGUE if fault.group == "recovery"]


@pytest.fixture(params=["delete", "wal"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "recovery.db"
    with closing(sqlite3.connect(path)) as store:
        store.execute(f"PRAGMA journal_mode={request.param}")
        store.execute("CREATE TABLE operations (state TEXT)")
        store.execute("INSERT INTO operations VALUES ('done')")
        store.commit()
    return path


def check_of(path: Path, seconds: float) -> Callable[[], tuple[bool, str]]:
    def check() -> tuple[bool, str]:
        try:
            with closing(sqlite3.connect(path, timeout=seconds)) as store:
                count = store.execute("SELECT count(*) FROM operations").fetchone()[0]
        except sqlite3.Error as error:
            return False, f"the store: {error}"
        return count > 0, f"{count} operations"

    return check


@pytest.mark.slow
def test_a_sqlite_file_is_broken_in_four_ways_and_repaired(
    matrix: HealthMatrix, file: Path
) -> None:
    result = matrix.run(check_of(file, 0.5), faults=STORE, store=file, deadline=1)

    assert {row.fault: row.outcome for row in result.rows} == {
        "store-down": "noticed",
        "store-hanging": "noticed",
        "store-slightly-slow": "quiet",
        "store-without-schema": "noticed",
    }
    assert check_of(file, 0)() == (True, "1 operations")
    assert {one.name.removeprefix(file.name) for one in file.parent.iterdir()} <= {
        "",
        "-wal",
        "-shm",
    }


def test_a_check_without_a_deadline_hangs_on_a_locked_file(
    matrix: HealthMatrix, file: Path
) -> None:
    result = matrix.run(check_of(file, 60), faults=["store-hanging"], store=file, deadline=0.3)

    assert result.of("hung") == ["store-hanging"]


def test_an_impatient_check_cries_wolf_over_a_slow_store(matrix: HealthMatrix, file: Path) -> None:
    result = matrix.run(check_of(file, 0), faults=["store-slightly*"], store=file, deadline=4)

    assert result.of("false alarm") == ["store-slightly-slow"]


def test_what_is_in_a_file_only_the_project_knows(matrix: HealthMatrix, file: Path) -> None:
    result = matrix.run(check_of(file, 1), faults=["recovery"], store=file)

    assert result.of("not applicable") == RECOVERY
    assert "only the project knows" in result.rows[0].detail


@pytest.mark.slow
def test_a_function_puts_the_faults_into_any_store(matrix: HealthMatrix) -> None:
    state: dict[str, Any] = {"failed": 0, "cursor": "fresh"}

    @contextmanager
    def changed(**values: Any) -> Iterator[None]:
        before = dict(state)
        state.update(values)
        yield
        state.update(before)

    def store(fault: str) -> AbstractContextManager[None] | None:
        known: dict[str, dict[str, Any]] = {
            "recovery-all-failed": {"failed": 10},
            "recovery-cursors-stale": {"cursor": "stale"},
            "recovery-cursors-never-checked": {"cursor": "never checked"},
            "recovery-fresh-aware-stamps": {"cursor": "fresh+00:00"},
            "recovery-on-threshold": {"failed": 1},
        }
        return changed(**known[fault]) if fault in known else None

    def check() -> dict[str, object]:
        healthy = state["failed"] == 0 and state["cursor"] != "stale"
        return {"healthy": healthy, "text": f"{state['failed']} failed, cursor {state['cursor']}"}

    result = matrix.run(check, faults=["recovery", "store"], store=store)

    found = {row.fault: row.outcome for row in result.rows if row.outcome != "not applicable"}
    assert found == {
        "recovery-all-failed": "missed",
        "recovery-cursors-stale": "noticed",
        "recovery-cursors-never-checked": "missed",
        "recovery-fresh-aware-stamps": "quiet",
        "recovery-on-threshold": "false alarm",
    }
    assert state == {"failed": 0, "cursor": "fresh"}


def test_without_a_store_none_of_it_applies(matrix: HealthMatrix) -> None:
    result = matrix.run(lambda: True, faults=["store", "recovery"])

    assert {row.detail for row in result.rows} == {"no store= is given"}
