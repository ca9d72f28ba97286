"""The rules that an alert manager must keep, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

HOUR = 3600.0

Kind = Literal["limit", "reserve", "cooldown", "delivery", "start"]


@dataclass(frozen=True)
class Policy:
    """`cooldown` and `tolerance` in seconds.

    Within the tolerance of the end of an hour or a cooldown a manager may do as it likes.
    """

    per_hour: int
    cooldown: float
    reserve: int
    tolerance: float = 0.001


@dataclass(frozen=True)
class Breach:
    """A rule that was broken; `detail` is a sentence with the numbers."""

    kind: Kind
    detail: str


def make_policy(per_hour: int, cooldown: timedelta | float, reserve: int) -> Policy:
    """Raises ValueError if no manager could keep such a policy."""
    seconds = cooldown.total_seconds() if isinstance(cooldown, timedelta) else float(cooldown)
    if per_hour < 1:
        raise ValueError(f"per_hour must be 1 or more, not {per_hour}")
    if not 0 <= reserve <= per_hour:
        raise ValueError(f"critical_reserve must be from 0 to per_hour, not {reserve}")
    if not 2 <= seconds <= 7 * 86_400:
        raise ValueError(f"cooldown must be from 2 seconds to 7 days, not {seconds:g} seconds")
    return Policy(per_hour, seconds, reserve)


def clock_text(seconds: float) -> str:
    """ "01:30:00"; with milliseconds where there are any."""
    whole, milli = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}" + (f".{milli:03}" if milli else "")
