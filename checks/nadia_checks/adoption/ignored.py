"""Whether git would refuse, or pass over, the files that belong in the repository."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from nadia_checks.core import git
from nadia_checks.core.project import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A line of `git check-ignore --verbose`: file:line:pattern, a tab, the name. "!" takes a name back.
IGNORED = re.compile(r"(?P<rule>.*?:\d+:(?!!).*)\t(?P<name>.*)")


def ignored_note(root: Path, names: Sequence[str]) -> str:
    """One line that says which of these git ignores, by what, and what to do; "" for none."""
    found = _ignored(root, names)
    if not found:
        return ""
    name, rule = found[0]
    more = f" and {len(found) - 1} more" if found[1:] else ""
    return (
        f"git ignores {name}{more} ({rule}), but the gate needs them committed: remove that rule, "
        "or add them with --force"
    )


def _ignored(root: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    """Name and rule of each; git ends with 1 where it ignores none."""
    answer = b""
    with suppress(git.GitError):
        answer = git.git(root, "check-ignore", "--verbose", "--", *names)
    lines = map(IGNORED.fullmatch, os.fsdecode(answer).splitlines())
    return [(printable(line["name"]), printable(line["rule"])) for line in lines if line]
