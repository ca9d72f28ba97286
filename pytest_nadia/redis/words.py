"""Words that several messages share."""

from __future__ import annotations


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
