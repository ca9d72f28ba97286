"""How many commands and round trips something may take, and the words for what took more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_nadia.redis.wire import CommandRecord

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_MOST_LINES = 20
_LONGEST_KEY = 60


class BudgetExceededError(AssertionError):
    """More went to Redis than the budget allows, or nothing at all."""


def check_budget(
    records: Iterable[CommandRecord], max_commands: int | None, max_round_trips: int | None
) -> str:
    """What is wrong with the records, or "". None is no limit; handshakes cost nothing.

    A budget in which no command was sent measured nothing, which is wrong unless a limit is 0.
    """
    sent = [record for record in records if not record.handshake]
    if not sent:
        return "" if 0 in (max_commands, max_round_trips) else _NOTHING_SENT
    excesses = [
        f"{actual} {noun}{'s' * (actual != 1)} (the budget is {limit})"
        for noun, actual, limit in (
            ("command", len(sent), max_commands),
            ("round trip", count_round_trips(sent), max_round_trips),
        )
        if limit is not None and actual > limit
    ]
    return "\n".join([f"{', '.join(excesses)}:", *listed(sent)]) if excesses else ""


_NOTHING_SENT = "no command was sent, so the budget measured nothing: make it 0 if that is right"


def check_limits(commands: int | None, round_trips: int | None) -> None:
    """Raises ValueError for a budget that limits nothing or that nothing can keep."""
    limits = [limit for limit in (commands, round_trips) if limit is not None]
    if not limits:
        raise ValueError("a budget needs commands=N or round_trips=N")
    for limit in limits:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
            raise ValueError(f"a budget is a number of commands or round trips, not {limit!r}")


def count_round_trips(records: Iterable[CommandRecord]) -> int:
    return len({record.trip for record in records})


def listed(records: Sequence[CommandRecord]) -> list[str]:
    """The commands in order, indented, equal ones folded: "GET user:1 x 14". At most 21 lines."""
    folded = Counter(map(_described, records))
    shown = dict(list(folded.items())[:_MOST_LINES])
    lines = [_times(text, times) for text, times in shown.items()]
    rest = Counter(record.name for record in records if _described(record) not in shown)
    if rest:
        lines.append(f"... and {rest.total()} more: {folded_names(rest)}")
    return [f"  {line}" for line in lines]


def folded_names(names: Counter[str]) -> str:
    """ "MGET x 3, SET", the most frequent first, at most eight of them."""
    parts = [_times(name, times) for name, times in names.most_common(8)]
    return ", ".join(parts) + (", ..." if len(names) > 8 else "")


def _described(record: CommandRecord) -> str:
    return record.name if record.key is None else f"{record.name} {shown_key(record.key)}"


def shown_key(key: bytes) -> str:
    """A key for people, in one line and not too long."""
    text = key.decode("utf-8", "backslashreplace")
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return line if len(line) <= _LONGEST_KEY else f"{line[:_LONGEST_KEY]}..."


def _times(text: str, times: int) -> str:
    return f"{text} x {times}" if times > 1 else text
