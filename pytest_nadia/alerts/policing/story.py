"""What happened in a trial, in lines that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from pytest_nadia.alerts.policing.policy import clock_text

_FEW = 3


@dataclass(frozen=True)
class Event:
    """`at` in seconds since the trial began; `name` is the key of an alert, else empty."""

    at: float
    text: str
    outcome: str = ""
    name: str = ""


def tell(events: list[Event]) -> list[str]:
    """One line an event; many alike in a row make one line."""
    lines: list[str] = []
    for _, group in groupby(events, key=_likeness):
        lines += _lines(list(group))
    return lines


def _likeness(event: Event) -> tuple[object, ...]:
    """Bursts: the same severity, time and outcome."""
    if not event.name:
        return (event.at, event.text)
    return (event.at, event.name.split("-")[0], event.text, event.outcome)


def _lines(group: list[Event]) -> list[str]:
    first, last = group[0], group[-1]
    if len(group) < _FEW or not first.name:
        return [_line(event, event.name) for event in group]
    return [_line(first, f"{first.name} to {last.name}, {len(group)} alerts,")]


def _line(event: Event, name: str) -> str:
    text = f"{name} {event.text}" if name else event.text
    outcome = f" -> {event.outcome}" if event.outcome else ""
    return f"{clock_text(event.at)}  {text}{outcome}"
