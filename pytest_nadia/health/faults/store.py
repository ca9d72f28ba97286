"""Faults of the store beside Redis, and of what recovery keeps in it.

`store=` is the path of a SQLite file, or a function that gets the name of a fault and gives a
context manager in which the store has it, or None for a fault that it does not know. A SQLite file
has the first four; what is in it only the project knows.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.health import sqlite_store
from pytest_nadia.health.fault import HealthFault, NotApplicableError, Target, once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.fault import Put
    from pytest_nadia.health.reads import Reads

_NO_STORE = "no store= is given"
_GONE = "store|database|sqlite|open|connect|unavailable|unreach|down"
_SLOW = "store|database|sqlite|lock|busy|time.?out|timed out|slow|no answer|within|hang"
_SCHEMA = "store|database|sqlite|schema|table|migrat"


def _with_store(reads: Reads) -> list[Target]:
    return once(reads) if reads.has_store else []


def _put(name: str, of_file: Callable[[Bench, Path], AbstractContextManager[None]] | None) -> Put:
    @contextmanager
    def put(bench: Bench, _: Target) -> Iterator[None]:
        if isinstance(bench.store, str | Path):
            if of_file is None:
                raise NotApplicableError("only the project knows what is in its SQLite file")
            with _explained(of_file(bench, Path(bench.store))):
                yield
        else:
            with bench.seam(name):
                yield

    return put


@contextmanager
def _explained(fault: AbstractContextManager[None]) -> Iterator[None]:
    try:
        fault.__enter__()
    except OSError as error:
        raise NotApplicableError(f"it cannot be put in: {error}") from None
    try:
        yield
    finally:
        fault.__exit__(None, None, None)


def _store(
    name: str,
    says: str,
    of_file: Callable[[Bench, Path], AbstractContextManager[None]],
    *,
    healthy: bool = False,
) -> HealthFault:
    return HealthFault(
        name=name,
        group="store",
        put=_put(name, of_file),
        says=says,
        targets=_with_store,
        why_not=_NO_STORE,
        healthy=healthy,
    )


def _recovery(name: str, says: str, *, healthy: bool = False) -> HealthFault:
    name = f"recovery-{name}"
    return HealthFault(
        name=name,
        group="recovery",
        put=_put(name, None),
        says=says,
        targets=_with_store,
        why_not=_NO_STORE,
        healthy=healthy,
    )


FAULTS: tuple[HealthFault, ...] = (
    _store("store-down", _GONE, lambda _, path: sqlite_store.missing(path)),
    _store("store-hanging", _SLOW, lambda _, path: sqlite_store.locked(path)),
    _store(
        "store-slightly-slow",
        "",
        lambda bench, path: sqlite_store.locked(path, bench.deadline / 20),
        healthy=True,
    ),
    _store("store-without-schema", _SCHEMA, lambda _, path: sqlite_store.without_schema(path)),
)

RECOVERY: tuple[HealthFault, ...] = (
    _recovery("all-failed", "fail|error|operation"),
    _recovery("cursors-stale", "cursor|stale|old"),
    _recovery("cursors-never-checked", "cursor|never"),
    _recovery("stale-naive-stamps", "cursor|stale|old"),
    _recovery("stale-aware-stamps", "cursor|stale|old"),
    _recovery("fresh-naive-stamps", "", healthy=True),
    _recovery("fresh-aware-stamps", "", healthy=True),
    _recovery("on-threshold", "", healthy=True),
    _recovery("over-threshold", "rate|error|stale|threshold|over|limit|fail"),
    _recovery("stuck-beyond-first-page", "stuck|running|operation|long"),
)
