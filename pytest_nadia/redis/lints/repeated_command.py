"""NAD404: one command for one key, again and again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, Rule, Severity
from pytest_nadia.redis import commands
from pytest_nadia.redis.lints.evidence import ran, shown

if TYPE_CHECKING:
    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord

RULE = Rule(
    number="NAD404",
    name="repeated-command",
    severity=Severity.NOTE,
    what=(
        "A test sent the same command for the same key more often than [tool.nadia.redis] "
        "repeated, each time in a round trip of its own."
    ),
    why=(
        "Each round trip waits for the network. A loop that is quick beside the server takes "
        "seconds when the server is elsewhere."
    ),
    repair="send them in one pipeline, or as one command that takes many values or fields",
    bad="for field in fields:\n    client.hget('user:7', field)",
    good="client.hmget('user:7', fields)",
)

# Their repetition is how they are used: the next part, the next element of a queue.
_MEANT_TO_REPEAT = frozenset({"HSCAN", "SSCAN", "ZSCAN", "ARSCAN", "XREAD", "XREADGROUP", "WATCH"})
_RUN_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})


def find(evidence: Evidence) -> list[Finding]:
    limit = evidence.settings.repeated
    alone = _sent_alone(ran(evidence.records))
    counts = Counter(
        (record.name, record.key, record.database, _script_and_keys(record)) for record in alone
    )
    return [
        evidence.finding(
            RULE,
            f"{name} was sent {count} times for {shown(key)}, each in a round trip of its own "
            f"([tool.nadia.redis] repeated is {limit})",
            about=f"{name} {shown(key)}",
        )
        for (name, key, *_), count in counts.items()
        if count > limit
    ]


def _sent_alone(records: list[CommandRecord]) -> list[CommandRecord]:
    in_trip = Counter(record.trip for record in records)
    return [record for record in records if in_trip[record.trip] == 1 and _counts(record)]


def _counts(record: CommandRecord) -> bool:
    if record.key is None or record.name in _MEANT_TO_REPEAT:
        return False
    return not commands.is_blocking(record.name)


def _script_and_keys(record: CommandRecord) -> tuple[bytes, ...]:
    """What makes a script another command; its first key is often one that all scripts share."""
    if record.name not in _RUN_SCRIPTS:
        return ()
    script, count, *rest = record.arguments
    return script, *rest[: int(count) if count.isdigit() else 0]
