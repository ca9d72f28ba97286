"""NAD405: a command that Redis' documentation calls deprecated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, Rule, Severity
from pytest_nadia.redis import commands
from pytest_nadia.redis.lints.evidence import shown
from pytest_nadia.redis.words import times

if TYPE_CHECKING:
    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord

RULE = Rule(
    number="NAD405",
    name="deprecated-command",
    severity=Severity.NOTE,
    what="A test sent a command that the documentation of Redis calls deprecated.",
    why=(
        "Its replacement does the same and more in one step, and client libraries warn of such "
        "commands or drop them."
    ),
    repair="use the command that the finding names",
    bad="client.getset('turn', 1)",
    good="client.set('turn', 1, get=True)",
)

# Client libraries send these of their own accord.
_OF_LIBRARIES = frozenset({"CLUSTER SLOTS", "QUIT"})


def find(evidence: Evidence) -> list[Finding]:
    sent: dict[str, list[CommandRecord]] = {}
    for record in evidence.records:
        if not record.handshake and record.name not in _OF_LIBRARIES:
            sent.setdefault(record.name, []).append(record)
    return [
        _finding(evidence, records, *facts)
        for name, records in sent.items()
        if (facts := commands.deprecated(name))
    ]


def _finding(evidence: Evidence, records: list[CommandRecord], since: str, instead: str) -> Finding:
    first = records[0]
    key = f", first for {shown(first.key)}" if first.key is not None else ""
    message = (
        f"{first.name} is deprecated since Redis {since}; it was sent {times(len(records))}{key}"
    )
    return evidence.finding(RULE, message, about=first.name, repair=f"use {instead}")
