"""Faults of a store that is one SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BESIDE = ("-wal", "-shm", "-journal")
_ASIDE = ".nadia-aside"


@contextmanager
def missing(path: Path) -> Iterator[None]:
    """A folder stands where the file was: it cannot be opened."""
    with _aside(path):
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()


@contextmanager
def without_schema(path: Path) -> Iterator[None]:
    """An empty database stands where the file was."""
    with _aside(path):
        try:
            path.touch()
            yield
        finally:
            for one in (path, *_neighbours(path)):
                one.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else holds the database, and nobody else may even read it."""
    with closing(_connect(path)) as connection:
        _lock(connection)
        yield
        connection.execute("ROLLBACK")


@contextmanager
def locked_for(path: Path, seconds: float) -> Iterator[None]:
    """The same, for so many seconds."""
    with closing(_connect(path)) as connection:
        _lock(connection)
        timer = threading.Timer(seconds, connection.rollback)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _lock(connection: sqlite3.Connection) -> None:
    # In WAL mode an exclusive transaction lets others read: only this mode does not.
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")


@contextmanager
def _aside(path: Path) -> Iterator[None]:
    moved = [one for one in (path, *_neighbours(path)) if one.exists()]
    for one in moved:
        one.rename(f"{one}{_ASIDE}")
    try:
        yield
    finally:
        for one in moved:
            Path(f"{one}{_ASIDE}").rename(one)


def _neighbours(path: Path) -> list[Path]:
    return [Path(f"{path}{end}") for end in _BESIDE]
