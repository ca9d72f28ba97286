"""Changes to files: decided first, shown as a diff, written all together or not at all."""

from __future__ import annotations

import difflib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError
from nadia_checks.core.project import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LONGEST_DIFF = 40


@dataclass(frozen=True, slots=True)
class Change:
    """A file and what it will hold; `before` is None where there is no file yet."""

    path: Path
    before: bytes | None
    after: bytes


def read_bytes(path: Path) -> bytes | None:
    """What the file holds, None where there is none.

    Raises:
        UsageError: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def decode(content: bytes | None, path: Path) -> str:
    """The text of a file, line endings kept.

    Raises:
        UsageError: it is not UTF-8.
    """
    try:
        return (content or b"").decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text: nadia does not edit it") from None


def line_ending(text: str) -> str:
    """The one that the file's first line has."""
    first, newline, _ = text.partition("\n")
    return "\r\n" if newline and first.endswith("\r") else "\n"


def unified_diff(change: Change, root: Path) -> list[str]:
    """The lines of the diff, cut where it would scroll away."""
    name = printable(os.path.relpath(change.path, root))
    before, after = (
        (content or b"").decode(errors="replace").splitlines()
        for content in (change.before, change.after)
    )
    old = "/dev/null" if change.before is None else f"a/{name}"
    lines = list(difflib.unified_diff(before, after, old, f"b/{name}", lineterm=""))
    if len(lines) <= LONGEST_DIFF:
        return lines
    kept = LONGEST_DIFF // 2
    return [*lines[:kept], f"… {len(lines) - kept:,} more lines"]


def require_writable(paths: Iterable[Path]) -> None:
    """Raises UsageError where a file could not be written, before any work is done."""
    for path in paths:
        folder = path.resolve().parent
        while not folder.exists():
            folder = folder.parent
        if not os.access(folder, os.W_OK):
            raise UsageError(f"{folder} cannot be written: nothing was changed")


def write_all(changes: Sequence[Change]) -> None:
    """Writes all files, each by one rename; on an error or an interruption, none.

    Raises:
        UsageError: a file changed since it was read, or cannot be written.
    """
    made: list[Path] = []
    try:
        staged = [(change, _stage(change, made)) for change in changes]
        for change in changes:
            _require_unchanged(change)
        _rename(staged)
    except BaseException as error:
        _remove(made)
        if isinstance(error, OSError):
            raise UsageError(
                f"{error.filename} cannot be written ({error.strerror}): nothing was changed"
            ) from None
        raise


def _stage(change: Change, made: list[Path]) -> Path:
    target = change.path.resolve()
    if not target.parent.is_dir():
        target.parent.mkdir()
        made.append(target.parent)
    unfinished = target.with_name(f"{target.name}.nadia-{os.getpid()}")
    made.append(unfinished)
    unfinished.write_bytes(change.after)
    if change.before is not None:
        shutil.copymode(target, unfinished)
    return unfinished


def _require_unchanged(change: Change) -> None:
    if read_bytes(change.path) != change.before:
        raise UsageError(
            f"{change.path} was changed while nadia looked at the project: nothing was written, "
            "run it again"
        )


def _rename(staged: Sequence[tuple[Change, Path]]) -> None:
    done: list[Change] = []
    try:
        for change, unfinished in staged:
            done.append(change)
            unfinished.replace(change.path.resolve())
    except BaseException:
        for change in done:
            _restore(change)
        raise


def _restore(change: Change) -> None:
    if change.before is None:
        change.path.unlink(missing_ok=True)
    else:
        change.path.resolve().write_bytes(change.before)


def _remove(made: Sequence[Path]) -> None:
    """The files first, then the folders that held them."""
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
