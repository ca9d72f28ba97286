"""NAD403: a command that makes every other client of the server wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, Rule, Severity
from pytest_nadia.redis.lints.elements import elements_of, is_unbounded
from pytest_nadia.redis.lints.evidence import ran, shown
from pytest_nadia.redis.words import times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord

RULE = Rule(
    number="NAD403",
    name="blocking-command",
    severity=Severity.NOTE,
    what=(
        "A test sent a command that keeps the server busy for as long as there is data: KEYS, "
        "SAVE, FLUSHALL without ASYNC, or a read without a limit that gave more elements than "
        "[tool.nadia.redis] elements."
    ),
    why=(
        "Redis does one thing at a time. What takes a millisecond on the data of a test takes "
        "seconds on that of a year, and nobody else is answered meanwhile."
    ),
    repair="read in parts: SCAN, SSCAN, HSCAN, ZSCAN, or a range with a limit",
    bad="client.keys('session:*')",
    good="client.scan_iter('session:*', count=500)",
)

_ALWAYS = {
    "KEYS": "iterate with SCAN",
    "SAVE": "use BGSAVE",
    "FLUSHALL": "use FLUSHALL ASYNC; each test starts empty without it",
}


def find(evidence: Evidence) -> list[Finding]:
    return [*_always(evidence), *_large(evidence)]


def _always(evidence: Evidence) -> Iterator[Finding]:
    sent = [record for record in ran(evidence.records) if record.name in _ALWAYS]
    for name, repair in _ALWAYS.items():
        count = sum(record.name == name and not _is_async(record) for record in sent)
        if count:
            message = f"{name} makes every other client wait; it was sent {times(count)}"
            yield evidence.finding(RULE, message, about=name, repair=repair)


def _is_async(record: CommandRecord) -> bool:
    return any(argument.upper() == b"ASYNC" for argument in record.arguments)


def _large(evidence: Evidence) -> Iterator[Finding]:
    limit = evidence.settings.elements
    largest: dict[tuple[str, bytes | None], int] = {}
    for record in ran(evidence.records):
        if is_unbounded(record) and (count := elements_of(record)) > limit:
            what = record.name, record.key
            largest[what] = max(count, largest.get(what, 0))
    for (name, key), count in largest.items():
        message = (
            f"{name} without a limit read {count} elements of {shown(key)}, "
            f"more than the {limit} of [tool.nadia.redis] elements"
        )
        yield evidence.finding(RULE, message, about=f"{name} {shown(key)}")
