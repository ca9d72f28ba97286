"""The baseline over time, as git remembers it: how old it is, and whether it shrinks."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nadia_checks.core.baseline import FILES
from nadia_checks.core.git import GitError, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 24 * 60 * 60
WINDOW_DAYS = 30
# "COMMIT OLD-LINE NEW-LINE"; a line that is not committed has a commit of zeros.
HEADER = re.compile(rb"([0-9a-f]{40,64}) \d+ \d+")


@dataclass(frozen=True, slots=True)
class Then:
    """How many entries there were, `days` ago."""

    count: int
    days: int


def oldest_days(root: Path) -> int | None:
    """Days since the oldest entry that still stands was committed, None where none was."""
    times = [moment for name in FILES for moment in _committed(root, name)]
    return _days_since(min(times)) if times else None


def some_time_ago(root: Path) -> Then | None:
    """The baseline of 30 days ago, or of its first commit where it is younger."""
    for commit in (_commit_before_window(root), _first_commit(root)):
        if commit and (count := _count_at(root, commit)):
            return Then(count, _days_since(_time_of(root, commit)))
    return None


def direction(then: Then, now: int) -> str:
    if then.count == now:
        return f"unchanged at {now:,} in {then.days} days"
    word = "shrinking" if now < then.count else "growing"
    return f"{word} {then.count:,} -> {now:,} in {then.days} days"


def _committed(root: Path, name: str) -> Iterator[int]:
    """Seconds since the epoch for each line of a file that is committed."""
    try:
        blame = git(root, "blame", "--line-porcelain", "--", name)
    except GitError:
        return
    committed, moment = False, 0
    for line in blame.split(b"\n"):
        if header := HEADER.match(line):
            committed = bool(header[1].strip(b"0"))
        elif line.startswith(b"committer-time "):
            moment = int(line.split()[1])
        elif committed and line.startswith(b"\t") and _is_entry(line[1:]):
            yield moment


def _commit_before_window(root: Path) -> str:
    return _ask(root, "rev-list", "-1", f"--before={WINDOW_DAYS} days ago", "HEAD")


def _first_commit(root: Path) -> str:
    commits = _ask(root, "log", "--reverse", "--format=%H", "--", *FILES)
    return commits.partition("\n")[0]


def _count_at(root: Path, commit: str) -> int:
    texts = (_ask(root, "show", f"{commit}:./{name}") for name in FILES)
    return sum(_is_entry(line.encode()) for text in texts for line in text.split("\n"))


def _time_of(root: Path, commit: str) -> int:
    return int(_ask(root, "show", "--no-patch", "--format=%ct", commit))


def _ask(root: Path, *arguments: str) -> str:
    """What git answers, "" where it has none, such as for a file that a commit does not hold."""
    try:
        return git(root, *arguments).decode(errors="replace").strip()
    except GitError:
        return ""


def _is_entry(line: bytes) -> bool:
    return bool(line.strip()) and not line.startswith(b"#")


def _days_since(moment: float) -> int:
    return max(0, int((time.time() - moment) // DAY))
