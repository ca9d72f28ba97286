"""The whole state of a Redis as a value: to compare, to show what changed, to bring back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import redis

from pytest_nadia.redis.state.connection import ask_one, raw_client, used_databases
from pytest_nadia.redis.state.difference import describe_changes
from pytest_nadia.redis.state.reading import (
    Dialect,
    StateError,
    dialect_of,
    read_keys,
    server_time,
)
from pytest_nadia.redis.state.tree import (
    ABSENT,
    Absent,
    Change,
    Leaf,
    Node,
    Path,
    Same,
    changes,
    flatten,
    key_tree,
    same_leaf,
)
from pytest_nadia.redis.state.values import KeyState
from pytest_nadia.redis.state.writing import write_keys

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

__all__ = ["Snapshot", "StateError", "explain_difference", "restore_snapshot", "take_snapshot"]

Keys: TypeAlias = Mapping[int, Mapping[bytes, KeyState]]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What a Redis held at one moment.

    `keys`: for each database that holds any, what each key holds. `databases`: the databases that
    were looked at, None for all. `taken_at`: the server's clock, Unix ms.

    Two snapshots are equal if their keys are; expiries may differ by 1 s.
    """

    keys: Keys
    databases: tuple[int, ...] | None
    taken_at: int
    # Two may be of the same millisecond.
    _made: int = field(default_factory=time.perf_counter_ns, repr=False)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return next(self.changes(other), None) is None

    def __repr__(self) -> str:
        sizes = ", ".join(f"db {number}: {len(keys)} keys" for number, keys in self.keys.items())
        return f"<Snapshot {sizes or 'empty'}>"

    def difference(self, other: Snapshot) -> str:
        """What became different from this snapshot to the other: a line each, empty if nothing."""
        return "\n".join(describe_changes(self.changes(other)))

    def changes(self, other: Snapshot, same: Same = same_leaf) -> Iterator[Change]:
        """Each place where the two differ; a key that only one of them has is one change."""
        for number in sorted(self.keys.keys() | other.keys.keys()):
            before, after = self.keys.get(number, {}), other.keys.get(number, {})
            for key in sorted(before.keys() | after.keys()):
                yield from _key_changes((number, key), before.get(key), after.get(key), same)

    def flatten(self) -> dict[Path, Leaf]:
        """Every single datum by its path: (database, key, part, name or index, ...)."""
        return {
            path: leaf
            for number, keys in self.keys.items()
            for key, state in keys.items()
            for path, leaf in flatten(key_tree(state), (number, key))
        }


def take_snapshot(client: redis.Redis, databases: Iterable[int] | None = None) -> Snapshot:
    """Read every key of these databases (None: of all) over a connection of its own.

    A key that expires meanwhile is left out. Raises `StateError` if other clients write so that a
    key cannot be read, and redis-py's errors if the server cannot be reached.
    """
    scope = None if databases is None else tuple(sorted(databases))
    with raw_client(client) as raw:
        dialect = dialect_of(raw)
        taken_at = server_time(raw)
        numbers = used_databases(raw) if scope is None else scope
    keys = {number: _read_database(client, number, dialect) for number in numbers}
    return Snapshot({number: found for number, found in keys.items() if found}, scope, taken_at)


def restore_snapshot(client: redis.Redis, snapshot: Snapshot) -> None:
    """Make the databases that the snapshot looked at hold what they held then, and nothing else.

    Keys whose time has passed since are gone. What no command can set is not brought back: when a
    stream's consumers were last seen, the access time and the encoding of a key; and, where XSETID
    does not take them, a stream's count of entries ever added. A value of a module's type comes
    back only on the kind of server that it was taken from. Raises `StateError`.
    """
    empty_databases(client, snapshot.databases)
    for number, states in snapshot.keys.items():
        with raw_client(client, number) as raw:
            write_keys(raw, states)


def empty_databases(client: redis.Redis, databases: Iterable[int] | None = None) -> None:
    """Remove all keys of these databases, None for all, without FLUSHALL."""
    if databases is None:
        with raw_client(client) as raw:
            databases = used_databases(raw)
    for number in databases:
        with raw_client(client, number) as raw:
            ask_one(raw, "FLUSHDB")


def explain_difference(left: object, right: object) -> list[str]:
    """Lines for pytest's report of `assert left == right`; empty unless both are snapshots.

    They tell what happened from the earlier one to the later one, wherever it stands.
    """
    if not (isinstance(left, Snapshot) and isinstance(right, Snapshot)):
        return []
    if left._made > right._made:
        way, lines = "right to left", right.difference(left).splitlines()
    else:
        way, lines = "left to right", left.difference(right).splitlines()
    return [f"the snapshots differ (from {way}):", *lines] if lines else []


def _read_database(client: redis.Redis, number: int, dialect: Dialect) -> Mapping[bytes, KeyState]:
    with raw_client(client, number) as raw:
        return read_keys(raw, dialect)


def _key_changes(
    path: Path, before: KeyState | None, after: KeyState | None, same: Same
) -> Iterator[Change]:
    if before is None or after is None:
        yield Change(path, _tree_or_absent(before), _tree_or_absent(after))
    elif before.type != after.type:
        yield Change((*path, "type"), before.type, after.type)
    elif before != after or same is not same_leaf:
        yield from changes(key_tree(before), key_tree(after), same, path)


def _tree_or_absent(state: KeyState | None) -> Node | Absent:
    return ABSENT if state is None else key_tree(state)
