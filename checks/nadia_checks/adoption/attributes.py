"""`.gitattributes`: git merges the baselines by keeping the lines of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.adoption.change import Change, decode, line_ending, read_bytes
from nadia_checks.core.baseline import FILES

if TYPE_CHECKING:
    from pathlib import Path

LINES = tuple(f"{name} merge=union" for name in FILES)


def attributes_change(root: Path) -> Change | None:
    """The change that adds what is missing, None where nothing is.

    Raises:
        UsageError: the file cannot be read as text.
    """
    path = root / ".gitattributes"
    before = read_bytes(path)
    after = add_lines(decode(before, path))
    return None if after is None else Change(path, before, after.encode())


def add_lines(text: str) -> str | None:
    """The text with the lines that it lacks, None where it lacks none."""
    present = {tuple(line.split()) for line in text.splitlines()}
    missing = [line for line in LINES if tuple(line.split()) not in present]
    if not missing:
        return None
    newline = line_ending(text)
    start = newline if text and not text.endswith("\n") else ""
    return text + start + "".join(line + newline for line in missing)
