"""Ends an operation that would wait for ever, by taking its Redis away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Timer
from typing import Protocol

from pytest_nadia.redis.wire import Rule, RuleState

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


class RuleFront(Protocol):
    """A `Front`, as far as faults go."""

    def add_rule(self, rule: Rule) -> int: ...
    def remove_rule(self, number: int) -> RuleState: ...


@dataclass
class Limit:
    """`passed`: the time was up before the operation ended."""

    passed: bool = False


@contextmanager
def time_limit(front: RuleFront, seconds: float) -> Iterator[Limit]:
    """After so many seconds no connection to Redis works any more, until the block ends."""
    limit = Limit()
    rules: list[int] = []
    lock = Lock()

    def end() -> None:
        with lock:
            limit.passed = True
            rules.append(front.add_rule(Rule(action="down")))

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield limit
    finally:
        timer.cancel()
        with lock:
            for rule in rules:
                front.remove_rule(rule)
