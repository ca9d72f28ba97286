"""A key's state as a tree: mappings and sequences whose leaves can be compared one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import zip_longest
from typing import TypeAlias

from pytest_nadia.redis.state.values import Group, KeyState, Opaque, Pending, Stream

TOLERANCE_MS = 1000
# Beyond this many pairs the alignment of two sequences costs more than it tells.
_MAX_PAIRS_TO_ALIGN = 250_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, in Unix milliseconds: it compares with a tolerance."""

    ms: int


class Absent(Enum):
    ABSENT = "absent"


ABSENT = Absent.ABSENT

Name: TypeAlias = bytes | str | int
Path: TypeAlias = tuple[Name, ...]
Leaf: TypeAlias = bytes | str | int | float | Moment | None
Node: TypeAlias = "Leaf | Mapping[Name, Node] | tuple[Node, ...]"
Same: TypeAlias = Callable[[Leaf, Leaf], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """What one place holds in the first state and in the second; `ABSENT` where it has none."""

    path: Path
    before: Node | Absent
    after: Node | Absent


def same_leaf(before: Leaf, after: Leaf) -> bool:
    """Whether two leaves are equal; moments are when they are at most 1 s apart."""
    if isinstance(before, Moment) and isinstance(after, Moment):
        return abs(before.ms - after.ms) <= TOLERANCE_MS
    return type(before) is type(after) and before == after


def key_tree(state: KeyState) -> Mapping[Name, Node]:
    """The state of one key: its type, its value under a name of its type, its expiry."""
    tree: dict[Name, Node] = {"type": state.type, **_value_parts(state)}
    if state.expires_at is not None:
        tree["expiry"] = Moment(state.expires_at)
    if state.field_expiries:
        tree["field expiry"] = {name: Moment(ms) for name, ms in state.field_expiries.items()}
    return tree


def flatten(node: Node, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Every leaf with its path; an empty mapping or sequence has none."""
    if isinstance(node, Mapping):
        for name, child in node.items():
            yield from flatten(child, (*path, name))
    elif isinstance(node, tuple):
        for index, child in enumerate(node):
            yield from flatten(child, (*path, index))
    else:
        yield path, node


def changes(before: Node, after: Node, same: Same = same_leaf, path: Path = ()) -> Iterator[Change]:
    """Where two trees differ. Sequences are aligned, so that one insertion is one change."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mapping_changes(before, after, same, path)
    elif isinstance(before, tuple) and isinstance(after, tuple):
        yield from _sequence_changes(before, after, same, path)
    elif not _same_leaves(before, after, same):
        yield Change(path, before, after)


def _same_leaves(before: Node, after: Node, same: Same) -> bool:
    if isinstance(before, Mapping | tuple) or isinstance(after, Mapping | tuple):
        return False
    return same(before, after)


def _value_parts(state: KeyState) -> dict[Name, Node]:
    match state.value:
        case bytes() as text:
            return {"value": text}
        case tuple() as items:
            return {"items": items}
        case frozenset() as members:
            return {"members": dict.fromkeys(members)}
        case Stream() as stream:
            return _stream_parts(stream)
        case Opaque(payload):
            return {"payload": payload}
        case mapping:
            return {"scores" if state.type == "zset" else "fields": _named(mapping)}


def _named(mapping: Mapping[bytes, bytes] | Mapping[bytes, float]) -> Mapping[Name, Node]:
    named: dict[Name, Node] = {}
    for name, part in mapping.items():
        named[name] = part
    return named


def _stream_parts(stream: Stream) -> dict[Name, Node]:
    return {
        "entries": tuple({"id": id_, "fields": fields} for id_, fields in stream.entries),
        "last id": stream.last_id,
        "groups": {name: _group_tree(group) for name, group in stream.groups.items()},
    }


def _group_tree(group: Group) -> Mapping[Name, Node]:
    return {
        "last delivered id": group.last_delivered_id,
        "consumers": dict.fromkeys(group.consumers),
        "pending": tuple(_pending_tree(entry) for entry in group.pending),
    }


def _pending_tree(entry: Pending) -> Mapping[Name, Node]:
    return {
        "id": entry.id,
        "consumer": entry.consumer,
        "deliveries": entry.deliveries,
        "delivered": Moment(entry.delivered_at),
    }


def _mapping_changes(
    before: Mapping[Name, Node], after: Mapping[Name, Node], same: Same, path: Path
) -> Iterator[Change]:
    for name, child in before.items():
        if name in after:
            yield from changes(child, after[name], same, (*path, name))
        else:
            yield Change((*path, name), child, ABSENT)
    for name, child in after.items():
        if name not in before:
            yield Change((*path, name), ABSENT, child)


def _sequence_changes(
    before: tuple[Node, ...], after: tuple[Node, ...], same: Same, path: Path
) -> Iterator[Change]:
    for i1, i2, j1, j2 in _aligned(before, after):
        pairs = zip_longest(before[i1:i2], after[j1:j2], fillvalue=ABSENT)
        for offset, (old, new) in enumerate(pairs):
            index = offset + (j1 if old is ABSENT else i1)
            yield from _item_changes(old, new, same, (*path, index))


def _item_changes(
    before: Node | Absent, after: Node | Absent, same: Same, path: Path
) -> Iterator[Change]:
    if isinstance(before, Absent) or isinstance(after, Absent):
        yield Change(path, before, after)
    else:
        yield from changes(before, after, same, path)


def _aligned(
    before: tuple[Node, ...], after: tuple[Node, ...]
) -> Iterator[tuple[int, int, int, int]]:
    """Pairs of slices that belong together."""
    a, b = [comparable(node) for node in before], [comparable(node) for node in after]
    start = _common_prefix(a, b)
    end = _common_prefix(a[start:][::-1], b[start:][::-1])
    yield 0, start, 0, start
    i, j = len(a) - end, len(b) - end
    if (i - start) * (j - start) > _MAX_PAIRS_TO_ALIGN:
        yield start, i, start, j
    else:
        matcher = SequenceMatcher(None, a[start:i], b[start:j], autojunk=False)
        for _, i1, i2, j1, j2 in matcher.get_opcodes():
            yield start + i1, start + i2, start + j1, start + j2
    yield i, len(a), j, len(b)


def _common_prefix(a: list[object], b: list[object]) -> int:
    return next(
        (index for index, (x, y) in enumerate(zip(a, b, strict=False)) if x != y),
        min(len(a), len(b)),
    )


def comparable(node: Node) -> object:
    """A hashable stand-in, in which all moments are alike."""
    if isinstance(node, Mapping):
        return frozenset((name, comparable(child)) for name, child in node.items())
    if isinstance(node, tuple):
        return tuple(comparable(child) for child in node)
    return Moment if isinstance(node, Moment) else node
