"""The functions of `time` that show the virtual clock while it is at work."""

from __future__ import annotations

import math
import operator
import sys
import time
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from pytest_nadia.timing import real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.timing.hands import Hands

# They measure with `time.monotonic` how long they have really waited for something.
_REAL_WAITS = (
    "multiprocessing.connection",
    "multiprocessing.synchronize",
    "concurrent.futures._base",
)


@contextmanager
def replace_time(hands: Hands, sleep: Callable[[float], None]) -> Iterator[None]:
    """`datetime`, `time.time` and the like by time-machine, which leaves the others alone."""
    replaced = {
        "monotonic": lambda: hands.steady,
        "monotonic_ns": lambda: hands.steady_ns,
        "perf_counter": lambda: hands.steady,
        "perf_counter_ns": lambda: hands.steady_ns,
        "sleep": sleep,
    }
    unchanged = SimpleNamespace(**vars(time))
    with ExitStack() as stack:
        for name in _REAL_WAITS:
            if module := sys.modules.get(name):
                stack.enter_context(patch.object(module, "time", unchanged))
        stack.enter_context(hands.at_work())
        for name, function in replaced.items():
            stack.enter_context(patch.object(time, name, function))
        yield


def checked_seconds(seconds: float) -> float:
    """As `time.sleep` checks them. Raises TypeError and ValueError like it."""
    number = seconds if isinstance(seconds, float) else float(operator.index(seconds))
    if math.isnan(number):
        raise ValueError("Invalid value NaN (not a number)")
    if number < 0:
        raise ValueError("sleep length must be non-negative")
    return number


def give_way() -> None:
    """Let other threads run, as a sleep would."""
    real.sleep(0)
