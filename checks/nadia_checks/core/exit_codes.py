"""The one table of exit codes, for every command and hook."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Where several apply, the command ends with the first of 130, 2, 3, 1, 0."""

    PASS = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130
