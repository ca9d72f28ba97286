"""What a backup and its restore did to the data, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pytest_nadia.redis.snapshot import Snapshot
from pytest_nadia.redis.state.difference import bounded, describe_changes, show
from pytest_nadia.redis.state.tree import (
    ABSENT,
    TOLERANCE_MS,
    Change,
    Leaf,
    Moment,
    Name,
    same_leaf,
)
from pytest_nadia.redis.state.values import KeyState

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_KEYS_SHOWN = 8
_LINES_SHOWN = 15
_LINES_OF_KEY = 2


@dataclass(frozen=True, slots=True)
class BackupReport:
    """The data before the backup, after it, restored, and restored over other data.

    `problem`: why the restore over other data failed, if it did.
    """

    before: Snapshot
    backed_up: Snapshot
    restored: Snapshot
    restored_over: Snapshot
    problem: str

    def lines(self) -> list[str]:
        """What is wrong; empty if nothing is."""
        return [
            *_section("the backup itself changed the data", self._changed_by_backup()),
            *_lost_keys(self.before, self.restored),
            *_section("lost or changed expiry", self._expiries()),
            *_section("changed values", self._values()),
            *_section("restored over existing data, it mixes up", self._mixed_up()),
        ]

    def _changed_by_backup(self) -> list[str]:
        return _describe(self.before.changes(self.backed_up))

    def _expiries(self) -> list[str]:
        return _describe(filter(_is_expiry, self._restored_changes()))

    def _values(self) -> list[str]:
        changed = (c for c in self._restored_changes() if not _is_expiry(c) and not _is_lost(c))
        return _describe(changed)

    def _restored_changes(self) -> Iterator[Change]:
        return self.before.changes(self.restored, _no_earlier(self.before, self.restored))

    def _mixed_up(self) -> list[str]:
        if self.problem:
            return [f"it failed: {self.problem}"]
        same = _no_earlier(self.before, self.restored_over)
        changes = list(self.restored.changes(self.restored_over, same))
        stale = [change for change in changes if _is_new(change)]
        others = (change for change in changes if not _is_new(change))
        return [*_stale_keys(stale), *_describe(others)]


def _describe(changes: Iterable[Change]) -> list[str]:
    return describe_changes(changes, of_each_key=_LINES_OF_KEY)


def _no_earlier(before: Snapshot, after: Snapshot) -> partial[bool]:
    return partial(_same_or_later, after.taken_at - before.taken_at)


def _same_or_later(elapsed_ms: int, before: Leaf, after: Leaf) -> bool:
    """Time to live may be kept instead of the time of death: then a restored key lives longer."""
    if isinstance(before, Moment) and isinstance(after, Moment):
        return -TOLERANCE_MS <= after.ms - before.ms <= elapsed_ms + TOLERANCE_MS
    return same_leaf(before, after)


def _is_expiry(change: Change) -> bool:
    return len(change.path) > 2 and change.path[2] in {"expiry", "field expiry"}


def _is_lost(change: Change) -> bool:
    return len(change.path) == 2 and change.after is ABSENT


def _is_new(change: Change) -> bool:
    return len(change.path) == 2 and change.before is ABSENT


def _section(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    return [f"{title}:", *(f"  {line}" for line in bounded(lines, _LINES_SHOWN))]


def _lost_keys(before: Snapshot, after: Snapshot) -> list[str]:
    lost: dict[str, list[str]] = defaultdict(list)
    for number, keys in before.keys.items():
        for key, state in _missing(keys, after.keys.get(number, {})):
            lost[state.type].append(_name(number, key))
    lines = [f"{name} ({len(keys)}): {_names(keys)}" for name, keys in sorted(lost.items())]
    return _section("lost keys", lines)


def _missing(
    before: Mapping[bytes, KeyState], after: Mapping[bytes, KeyState]
) -> Iterator[tuple[bytes, KeyState]]:
    return ((key, state) for key, state in before.items() if key not in after)


def _stale_keys(stale: list[Change]) -> list[str]:
    if not stale:
        return []
    keys = [_name(*change.path) for change in stale]
    return [f"stale keys survive ({len(keys)}): {_names(keys)}"]


def _name(database: Name, key: Name) -> str:
    return show(key) if database == 0 else f"db {database!s} {show(key)}"


def _names(keys: Iterable[str]) -> str:
    names = sorted(keys)
    more = f", and {len(names) - _KEYS_SHOWN} more" if len(names) > _KEYS_SHOWN else ""
    return ", ".join(names[:_KEYS_SHOWN]) + more
