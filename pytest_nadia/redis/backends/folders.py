"""The temporary folder of a server, removed when it ends, or by the next start if nobody did."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.redis.backends.blocking import BlockingClient, NotRedisError
from pytest_nadia.redis.backends.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "nadia-redis-"
SOCKET = "redis.sock"
LOG = "log"
_LOCK = "lock"
_LONGEST_SOCKET_PATH = 100  # 104 on macOS, 108 on Linux, with the final zero


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user may enter.

    Raises `BackendError` if a socket in it would have too long a path.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        _check_length(folder)
        with (folder / "unlocked").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "unlocked").rename(folder / _LOCK)
            yield folder
    finally:
        _remove(folder)


def sweep_folders() -> None:
    """Remove the folders of processes that were killed, and end what still runs in them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                _remove(folder)


def _check_length(folder: Path) -> None:
    if len(os.fsencode(folder / SOCKET)) > _LONGEST_SOCKET_PATH:
        raise BackendError(
            f"{folder.parent} is too long a path for a unix socket: set TMPDIR to a shorter one"
        )


def _is_abandoned(folder: Path) -> bool:
    """The lock tells, once it is there: containers that share /tmp reuse process numbers."""
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return False
    lock = folder / _LOCK
    return not _is_locked(lock) if lock.exists() else not _runs(folder)


def _is_locked(path: Path) -> bool:
    with path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _runs(folder: Path) -> bool:
    """Whether the process that made the folder does."""
    number = folder.name.removeprefix(PREFIX).partition("-")[0]
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    return True


def _remove(folder: Path) -> None:
    _shut_down(folder / SOCKET)
    shutil.rmtree(folder, ignore_errors=True)


def _shut_down(path: Path) -> None:
    """A server may outlive its launcher, if that was a script that did not become it."""
    with suppress(OSError, NotRedisError), BlockingClient(str(path), 1) as client:
        client.call("SHUTDOWN", "NOSAVE")
