"""What every check gives: a finding, and the rule it breaks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs. Only an error makes a check fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One defect at one place.

    `path` is relative to the project and posix; `line` and `column` count from 1, and 0 means
    that the finding concerns the whole file (or, with an empty path, the whole project).
    """

    rule: str
    severity: Severity
    path: str
    line: int
    column: int
    end_line: int
    message: str
    help: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A numbered rule of our own, with the texts that `nadia explain` prints."""

    number: str
    name: str
    severity: Severity
    what: str
    why: str
    repair: str
    bad: str
    good: str


def fingerprint(rule: str, path: str, enclosing: str, content: str, ordinal: int) -> str:
    """16 hexadecimal digits that survive moved lines and a changed severity.

    `enclosing` is the dotted name of the function or class around the finding, `content` the
    offending text without its indentation, `ordinal` counts the findings that are equal in
    everything else.
    """
    parts = "\0".join((rule, path, enclosing, content, str(ordinal)))
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()[:16]
