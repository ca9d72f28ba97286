"""Times in payloads: ISO 8601, and with the offset without which nobody knows the moment."""

from __future__ import annotations

from datetime import datetime


def timestamp_problem(text: str) -> str:
    """What is wrong with it, or ""; `datetime.fromisoformat` decides what is ISO 8601."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return "is not ISO 8601"
    if moment.utcoffset() is None:
        return "has no offset from UTC (write 2026-01-31T12:00:00+00:00)"
    return ""
