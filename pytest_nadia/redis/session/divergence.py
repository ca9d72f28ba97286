"""The failure of a test whose two runs, on two kinds of Redis, ended differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.session.failure import fail_report
from pytest_nadia.redis.session.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pytest

    from pytest_nadia.redis.session.both import Run
    from pytest_nadia.redis.wire import CommandRecord

# Their replies have no order of their own.
_UNORDERED = frozenset(
    {"SMEMBERS", "SINTER", "SUNION", "SDIFF", "KEYS", "HGETALL", "HKEYS", "HVALS"}
    | {"SCAN", "SSCAN", "HSCAN", "ZSCAN"}
)
# Their replies differ between any two servers, or any two runs.
_DIFFERS_BY_NATURE = frozenset(
    {"HELLO", "INFO", "TIME", "LASTSAVE", "ROLE", "XADD", "SPOP"}
    | {"RANDOMKEY", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"}
    | {"CLIENT", "COMMAND", "CONFIG", "DEBUG", "LATENCY", "MEMORY", "OBJECT", "SLOWLOG"}
)
_LONGEST = 200
_REPAIR = (
    'If the difference is meant, acknowledge it: @pytest.mark.redis(diverges="reason"); '
    "if the test needs one of the two, name it: @pytest.mark.redis(backend=...)."
)


_VERBS = {
    "passed": "passes",
    "failed": "fails",
    "skipped": "is skipped",
    "xfailed": "fails as expected",
    "xpassed": "passes unexpectedly",
}


def diverge(item: pytest.Item, shown: Run, left: Run, right: Run) -> None:
    """Make the run that is shown fail, and say how the two differ."""
    ends = [f"{_VERBS[run.outcome]} on {run.name}" for run in (left, right)]
    title = f"divergence: {item.name} {' and '.join(ends)}"
    lines = explain(left.records, right.records, (left.name, right.name))
    if shown.failure:
        lines += ["", f"what it says on {shown.name}:", "", shown.failure]
    lines += ["", _REPAIR]
    fail_report(item, _worst(shown.reports), title, lines)


def no_longer(item: pytest.Item, reports: Sequence[pytest.TestReport], reason: str) -> None:
    """Make a test fail whose marker acknowledges a difference that is not there."""
    title = f"{item.name} no longer diverges: remove diverges={reason!r} from its marker"
    fail_report(item, _worst(reports), title, [])


def half_run(item: pytest.Item, only: Run, reason: str) -> None:
    """Make a test fail whose second run did not take place."""
    title = f"{item.name} ran on {only.name} alone, because the run was stopped: {reason}"
    fail_report(
        item, _worst(only.reports), title, ["Run it again: on one Redis it proves nothing."]
    )


def _worst(reports: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """The one that did not pass, or else that of the test's call."""
    return next((one for one in reports if not one.passed), reports[len(reports) // 2])


def explain(
    left: Sequence[CommandRecord], right: Sequence[CommandRecord], names: tuple[str, str]
) -> list[str]:
    """Lines that name the command and show both replies; `names` are those of the two sides."""
    pairs = list(_aligned(left, right))
    for natural in (False, True):
        for one, other in pairs:
            if _by_nature(one) is natural and _differ(one, other):
                return _lines("the first command whose replies differ", one, other, names)
    return _explain_order(_sent(left)[len(pairs) :], _sent(right)[len(pairs) :], names)


def _sent(records: Iterable[CommandRecord]) -> list[CommandRecord]:
    return [record for record in records if not record.handshake]


def _aligned(
    left: Iterable[CommandRecord], right: Iterable[CommandRecord]
) -> Iterator[tuple[CommandRecord, CommandRecord]]:
    """The commands that both runs sent, until they part ways."""
    for one, other in zip(_sent(left), _sent(right), strict=False):
        if (one.name, len(one.arguments)) != (other.name, len(other.arguments)):
            return
        yield one, other


def _by_nature(record: CommandRecord) -> bool:
    return record.name.partition(" ")[0] in _DIFFERS_BY_NATURE


def _differ(one: CommandRecord, other: CommandRecord) -> bool:
    if one.name in _UNORDERED:
        return sorted(one.reply.split(b"\r\n")) != sorted(other.reply.split(b"\r\n"))
    return one.reply != other.reply


def _explain_order(
    left: list[CommandRecord], right: list[CommandRecord], names: tuple[str, str]
) -> list[str]:
    if not left and not right:
        return ["no reply differs: the two differ in time, or the test in itself"]
    nothing = "nothing more"
    return [
        "no reply differs before the two runs send different commands:",
        f"  {names[0]}: {command_text(left[0]) if left else nothing}",
        f"  {names[1]}: {command_text(right[0]) if right else nothing}",
    ]


def _lines(
    title: str, one: CommandRecord, other: CommandRecord, names: tuple[str, str]
) -> list[str]:
    return [
        f"{title}: {command_text(one)}",
        f"  {names[0]}: {readable(one.reply)}",
        f"  {names[1]}: {readable(other.reply)}",
    ]


def command_text(record: CommandRecord) -> str:
    words = [each.decode("utf-8", "backslashreplace") for each in record.arguments]
    text = " ".join([record.name, *(word if word.isprintable() else repr(word) for word in words)])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
