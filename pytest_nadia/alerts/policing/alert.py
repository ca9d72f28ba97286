"""The alerts that a manager under test is given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

Severity = Literal["info", "warning", "critical"]
Style = Literal["aware", "naive", "Z", "offset"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
STYLES: tuple[Style, ...] = ("aware", "naive", "Z", "offset")

_INDIA = timezone(timedelta(hours=5, minutes=30))
_MARK = re.compile(r"\balert (\d+):")


@dataclass(frozen=True)
class Alert:
    """One alert. Two are equal, for the cooldown, when their keys are.

    `timestamp` is the wall clock's time now: a datetime in UTC, a naive one, one in another time
    zone, or a string such as "2026-01-01T00:00:00Z". Local time is UTC, so all mean the same.
    `number` differs for each alert, and `text` holds it: that is how a channel knows the alert.
    """

    key: str
    severity: Severity
    text: str
    timestamp: datetime | str
    number: int


def make_alert(number: int, severity: Severity, kind: int, now: datetime, style: Style) -> Alert:
    key = f"{severity}-{kind}"
    text = f"alert {number}: {key} is over its limit"
    return Alert(key, severity, text, stamp(now, style), number)


def stamp(now: datetime, style: Style) -> datetime | str:
    """`now`, which is in UTC, as somebody else would write it."""
    if style == "naive":
        return now.replace(tzinfo=None)
    if style == "Z":
        return now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return now.astimezone(_INDIA) if style == "offset" else now


def numbers_in(message: object) -> list[int]:
    """Which alerts a message is about."""
    return [int(number) for number in _MARK.findall(str(message))]
