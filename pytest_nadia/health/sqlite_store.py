"""Faults of a store that is one SQLite file."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_BESIDE = ("-wal", "-shm", "-journal")
_ASIDE = ".nadia-aside"
# In WAL mode others may read during an exclusive transaction, but not in this locking mode.
_HOLDER = """\
import select, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode=EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
select.select([0], [], [], float(sys.argv[2]) or None)
connection.close()
"""


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
def locked(path: Path, seconds: float | None = None) -> Iterator[None]:
    """Somebody else holds the database, and nobody else may even read it.

    They let go after `seconds`, or at the end. Raises OSError if they cannot get hold of it.
    """
    # Another process: within one, also a forked one, SQLite keeps account of its locks.
    holder = subprocess.Popen(
        [sys.executable, "-S", "-c", _HOLDER, path, str(seconds or 0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not cast("IO[bytes]", holder.stdout).readline():
            raise OSError(f"{path} cannot be locked: is it a SQLite database?")
        yield
    finally:
        holder.kill()
        holder.communicate()


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
