"""Finds the limit from which on a check is red, where nobody told it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 2**14


def search(is_red: Callable[[int], bool]) -> int | None:
    """The largest size that is not red; None if none up to 16,384 is red, or 1 already is."""
    size = 1
    if is_red(size):
        return None
    while not is_red(size * 2):
        size *= 2
        if size >= _LARGEST:
            return None
    low, high = size, size * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_red(middle) else (middle, high)
    return low
