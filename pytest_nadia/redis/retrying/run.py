"""One run of an operation, from an empty Redis, and what it left behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_nadia.redis import commands
from pytest_nadia.redis.backstage import HasBackstage, empty, snapshot_of
from pytest_nadia.redis.retrying.limit import RuleFront, time_limit
from pytest_nadia.redis.snapshot import Snapshot
from pytest_nadia.redis.state.tree import (
    TOLERANCE_MS,
    Leaf,
    Moment,
    Name,
    Node,
    key_tree,
    same_leaf,
)
from pytest_nadia.redis.steps import Call, Steps
from pytest_nadia.redis.wire import CommandRecord, Rule

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


class RetryFront(HasBackstage, RuleFront, Protocol):
    """A `Front`, as far as this needs it."""

    def mark(self) -> int: ...
    def records(self, since: int) -> list[CommandRecord]: ...


@dataclass(frozen=True, slots=True)
class Run:
    """What the operation found, did and left. `fired`: whether the reply was really lost.

    `hung`: whether it did not end by itself.
    """

    prepared: Snapshot
    final: Snapshot
    result: object
    error: Exception | None
    records: tuple[CommandRecord, ...]
    fired: bool = False
    hung: bool = False

    @property
    def writes(self) -> list[CommandRecord]:
        """In the order in which a rule counts them."""
        return [r for r in self.records if commands.may_write(r.name) and not r.handshake]

    @property
    def elapsed_ms(self) -> int:
        return self.final.taken_at - self.prepared.taken_at


def queued(records: Iterable[CommandRecord]) -> dict[tuple[int, int], set[int]]:
    """For each EXEC or DISCARD, by connection and number, the numbers of what waited for it.

    What no such command ended stands under the number 0.
    """
    open_on: dict[int, set[int]] = {}
    ended: dict[tuple[int, int], set[int]] = defaultdict(set)
    for record in records:
        if record.name == "MULTI":
            open_on[record.connection] = set()
        elif record.name in {"EXEC", "DISCARD"}:
            ended[record.connection, record.number] = open_on.pop(record.connection, set())
        elif record.connection in open_on:
            open_on[record.connection].add(record.number)
    return ended | {(connection, 0): waiting for connection, waiting in open_on.items()}


def run_once(front: RetryFront, setup: Call | None, operation: Call) -> Steps[Run]:
    """Empty Redis, set up, operate."""
    prepared = yield from _prepare(front, setup)
    mark = front.mark()
    result, error = yield from _outcome(operation)
    records = tuple(front.records(mark))
    return Run(prepared, snapshot_of(front), result, error, records)


def run_with_loss(
    front: RetryFront, setup: Call | None, operation: Call, nth: int, seconds: float
) -> Steps[Run]:
    """The same, but the reply to the `nth` write, counted from 1, is lost.

    After so many seconds Redis is taken away as well, so that the operation ends.
    """
    prepared = yield from _prepare(front, setup)
    mark = front.mark()
    rule = front.add_rule(Rule(action="lose_reply", writes=True, nth=nth, times=1))
    try:
        with time_limit(front, seconds) as limit:
            result, error = yield from _outcome(operation)
    finally:
        fired = front.remove_rule(rule).fired > 0
    records = tuple(front.records(mark))
    return Run(prepared, snapshot_of(front), result, error, records, fired, limit.passed)


def _prepare(front: RetryFront, setup: Call | None) -> Steps[Snapshot]:
    empty(front)
    if setup is not None:
        yield setup
    return snapshot_of(front)


def _outcome(operation: Call) -> Steps[tuple[object, Exception | None]]:
    try:
        return (yield operation), None
    except Exception as error:
        return None, error


def state_tree(run: Run, databases: Iterable[int]) -> Node:
    """The final state; every one of the databases is there, so that runs can be compared."""
    return {
        number: {key: key_tree(state) for key, state in run.final.keys.get(number, {}).items()}
        for number in databases
    }


def result_tree(result: object) -> Node:
    """What the operation gave, as far as two results can be compared."""
    if result is None or isinstance(result, bytes | str | int | float):
        return result
    if isinstance(result, Mapping):
        return {_name(name): result_tree(value) for name, value in result.items()}
    if isinstance(result, set | frozenset):
        return dict.fromkeys(map(_name, result))
    if isinstance(result, Sequence):
        return tuple(map(result_tree, result))
    return repr(result)


def _name(value: object) -> Name:
    return value if isinstance(value, bytes | str | int) else repr(value)


def same_between(clean: Run, other: Run, before: Leaf, after: Leaf) -> bool:
    """Whether leaves of two runs are the same, though the runs began at different times.

    An expiry is if it is at the same time, or as long after the run's beginning; and it may be
    later by what the other run took longer.
    """
    if not (isinstance(before, Moment) and isinstance(after, Moment)):
        return same_leaf(before, after)
    if same_leaf(before, after):
        return True
    shift = other.prepared.taken_at - clean.prepared.taken_at
    longer = max(0, other.elapsed_ms - clean.elapsed_ms)
    return -TOLERANCE_MS <= after.ms - before.ms - shift <= longer + TOLERANCE_MS
