"""Faults that a project knows its check not to notice."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError
from nadia_checks.health.matrix_rules import BY_OUTCOME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.health.job import RowResult


def without_excepted(rows: Sequence[RowResult], patterns: Sequence[str]) -> list[RowResult]:
    """The rows that went wrong, without those that a name or glob excepts.

    Raises:
        UsageError: a pattern excepts nothing that went wrong: it would hide what comes later.
    """
    wrong = [row for row in rows if row.outcome in BY_OUTCOME]
    for pattern in patterns:
        if not any(_fits(row, pattern) for row in wrong):
            raise UsageError(
                f"pyproject.toml: tool.nadia.health.except names {pattern!r}, but no fault of that "
                "name went wrong: remove it"
            )
    return [row for row in wrong if not any(_fits(row, one) for one in patterns)]


def _fits(row: RowResult, pattern: str) -> bool:
    # "[" in the name of a fault begins no class of characters.
    return row.fault == pattern or fnmatchcase(row.fault, pattern.replace("[", "[[]"))
