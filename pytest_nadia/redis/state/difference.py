"""Changes between two states, as lines that a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby

from pytest_nadia.redis.state.tree import ABSENT, Absent, Change, Moment, Name, Node, Path

MAX_LINES = 40
MAX_LINES_OF_KEY = 8
_MAX_VALUE = 60
_TYPE_OF_PART = {
    "value": "string",
    "items": "list",
    "members": "set",
    "scores": "zset",
    "fields": "hash",
    "entries": "stream",
    "last id": "stream",
    "groups": "stream",
    "field expiry": "hash",
    "payload": "module value",
}


def bounded(lines: Iterable[str], limit: int = MAX_LINES, where: str = "") -> list[str]:
    """The first lines, and a count of those that are left out."""
    everything = list(lines)
    if len(everything) <= limit:
        return everything
    return [*everything[:limit], f"... and {len(everything) - limit} more{where}"]


def describe_changes(changes: Iterable[Change], of_each_key: int = MAX_LINES_OF_KEY) -> list[str]:
    """At most `MAX_LINES` lines, and a few of each key, with counts of what is left out."""
    lines: list[str] = []
    for _, group in groupby(changes, lambda change: change.path[:2]):
        lines += bounded(map(describe_change, group), of_each_key, " in this key")
    return bounded(lines)


def show(value: object) -> str:
    """A value on one line: text where it is printable, otherwise escaped; cut when long."""
    if isinstance(value, bytes):
        return _show_bytes(value)
    if isinstance(value, Moment):
        return show_time(value.ms)
    return _cut(str(value))


def show_time(ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms since 1970"


def describe_change(change: Change) -> str:
    """One line about a change whose path begins with database and key."""
    database, key, *rest = change.path
    place = f"db {show(database)} {show(key)}"
    if not rest:
        return _whole_key(place, change)
    head, *names = rest
    if head == "expiry":
        return f"~ {place} expiry {_moments(change)}"
    if head == "type":
        return f"~ {place} type: " + " -> ".join(map(str, (change.before, change.after)))
    kind = _TYPE_OF_PART.get(str(head), "key")
    return f"~ {kind} {place}{_inside(head, tuple(names))}{_before_and_after(change)}"


def describe_place(path: Path) -> str:
    """Where a datum is. "*" stands for names that vary."""
    database, key, *names = path
    place = f"db {show(database)}"
    if key == "*":
        return f"{place}: keys whose names vary"
    return f"{place} {show(key)}{_inside(names[0], tuple(names[1:])) or ' value'}"


def describe_node(node: Node) -> str:
    """What a key, an item or a field holds, in a few words."""
    if isinstance(node, tuple):
        return _show_sequence(node)
    if not isinstance(node, Mapping):
        return show(node)
    if "type" in node:
        return _describe_key(node)
    return _cut(", ".join(f"{show(name)}: {describe_node(value)}" for name, value in node.items()))


def _show_bytes(value: bytes) -> str:
    head = value[: _MAX_VALUE * 4]
    try:
        text = head.decode() if len(head) == len(value) else head.decode(errors="ignore")
    except UnicodeDecodeError:
        shown = repr(head)
    else:
        shown = repr(text) if text.isprintable() else repr(head)
    if len(value) <= _MAX_VALUE:
        return shown
    return f"{shown[:_MAX_VALUE]}... ({len(value)} bytes)"


def _cut(text: str) -> str:
    return text if len(text) <= 2 * _MAX_VALUE else f"{text[: 2 * _MAX_VALUE]}..."


def _show_sequence(nodes: tuple[Node, ...]) -> str:
    shown = ", ".join(describe_node(node) for node in nodes[:3])
    return f"[{shown}{', ...' if len(nodes) > 3 else ''}]"


def _describe_key(tree: Mapping[Name, Node]) -> str:
    content = next(tree[name] for name in tree if name in _TYPE_OF_PART)
    size = f" of {len(content)}" if isinstance(content, Mapping | tuple) else ""
    expiry = tree.get("expiry")
    end = f", expires {show(expiry)}" if expiry is not None else ""
    return f"{tree['type']!s}{size} {_show_content(content)}{end}"


def _show_content(content: Node) -> str:
    if isinstance(content, tuple) and content and isinstance(content[0], Mapping):
        content = tuple(entry["id"] for entry in content if isinstance(entry, Mapping))
    if not isinstance(content, Mapping):
        return describe_node(content)
    names = ", ".join(sorted(map(show, content))[:3])
    return f"{{{names}{', ...' if len(content) > 3 else ''}}}"


def _whole_key(place: str, change: Change) -> str:
    if change.before is ABSENT:
        return f"+ {place}: {_node_or_nothing(change.after)}"
    return f"- {place}: {_node_or_nothing(change.before)}"


def _node_or_nothing(node: Node | Absent) -> str:
    return "nothing" if isinstance(node, Absent) else describe_node(node)


def _moments(change: Change) -> str:
    before, after = change.before, change.after
    if isinstance(before, Moment) and isinstance(after, Moment):
        return f"changed by {(after.ms - before.ms) / 1000:+.1f} s"
    if isinstance(before, Moment):
        return f"lost, was {show(before)}"
    return f"gained: {show(after)}"


def _inside(head: Name, names: Path) -> str:
    match head, names:
        case "items", (int(index),):
            return f" [{index}]"
        case "members", (member,):
            return f" member {show(member)}"
        case "scores", (member,):
            return f" score of {show(member)}"
        case "fields", (field,):
            return f" field {show(field)}"
        case "field expiry", (field,):
            return f" expiry of field {show(field)}"
        case "value", ():
            return ""
        case "entries", (int(index), *rest):
            return f" entry [{index}]{_words(rest)}"
        case "groups", (group, *rest):
            return f" group {show(group)}{_words(rest)}"
        case _:
            return _words((head, *names))


def _words(names: Iterable[Name]) -> str:
    return "".join(f" [{name}]" if isinstance(name, int) else f" {_word(name)}" for name in names)


def _word(name: Name) -> str:
    return name if isinstance(name, str) else show(name)


def _before_and_after(change: Change) -> str:
    if change.path[2] == "field expiry" and not isinstance(change.before, Mapping):
        return "" if isinstance(change.after, Mapping) else f" {_moments(change)}"
    if change.path[2] == "members":
        return " added" if change.before is ABSENT else " removed"
    if change.before is ABSENT:
        return f": added {_node_or_nothing(change.after)}"
    if change.after is ABSENT:
        return f": removed, was {_node_or_nothing(change.before)}"
    return f": {_node_or_nothing(change.before)} -> {_node_or_nothing(change.after)}"
