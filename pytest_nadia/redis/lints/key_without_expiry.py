"""NAD402: a key that stays for ever though the project says that it expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, Rule, Severity
from pytest_nadia.redis import commands
from pytest_nadia.redis.lints.evidence import ran, shown

if TYPE_CHECKING:
    from pytest_nadia.redis.lints.evidence import Evidence, KeyLeft

RULE = Rule(
    number="NAD402",
    name="key-without-expiry",
    severity=Severity.NOTE,
    what=(
        "A test left a key without an expiry that one of the globs in [tool.nadia.redis] expires "
        "matches."
    ),
    why="A cache entry or a lock that never expires goes on being believed, and memory fills up.",
    repair="give it an expiry where it is written: SET with EX, or EXPIRE in the same pipeline",
    bad="client.set('session:7', data)",
    good="client.set('session:7', data, ex=3600)",
)


def find(evidence: Evidence) -> list[Finding]:
    return [
        evidence.finding(RULE, _message(left, evidence), about=shown(left.key))
        for left in evidence.keys_left
    ]


def _message(left: KeyLeft, evidence: Evidence) -> str:
    writer = _last_writer(left, evidence)
    written = f", last written by {writer}" if writer else ""
    return (
        f"the key {shown(left.key)} has no expiry{written}; "
        f"[tool.nadia.redis] expires says {left.glob!r}"
    )


def _last_writer(left: KeyLeft, evidence: Evidence) -> str:
    names = [
        record.name
        for record in ran(evidence.records)
        if record.key == left.key
        and record.database == left.database
        and commands.may_write(record.name)
    ]
    return names[-1] if names else ""
