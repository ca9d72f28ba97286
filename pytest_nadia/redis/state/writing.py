"""Brings keys back with ordinary commands, so that it works from any server to any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import redis

from pytest_nadia.redis.state.reading import StateError, ask, in_batches
from pytest_nadia.redis.state.values import Group, KeyState, Opaque, Stream

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_Command: TypeAlias = tuple[Any, ...]

_COMMANDS_A_TRIP = 500
_MEMBERS_A_COMMAND = 1000
_GROUP_TO_MAKE_A_STREAM = b"nadia"


def write_keys(client: redis.Redis, states: Mapping[bytes, KeyState]) -> None:
    """Create the keys in the client's database, which holds none of them. Raises `StateError`."""
    commands = (command for key, state in states.items() for command in _commands(key, state))
    for batch in in_batches(commands, _COMMANDS_A_TRIP):
        for command, reply in zip(batch, ask(client, batch, transaction=False), strict=True):
            _check(command, reply)


def _check(command: _Command, reply: object) -> None:
    name, *arguments = command
    # It only restores counters which older servers, and some others, cannot set.
    if isinstance(reply, redis.ResponseError) and name != "XSETID":
        raise StateError(f"cannot restore key {arguments[0]!r}: {name} was answered with: {reply}")


def _commands(key: bytes, state: KeyState) -> Iterator[_Command]:
    yield from _value_commands(key, state)
    for name, ms in state.field_expiries.items():
        yield "HPEXPIREAT", key, ms, "FIELDS", 1, name
    if state.expires_at is not None:
        yield "PEXPIREAT", key, state.expires_at


def _value_commands(key: bytes, state: KeyState) -> Iterator[_Command]:
    match state.value:
        case bytes() as text:
            yield "SET", key, text
        case tuple() as items:
            yield from _in_parts("RPUSH", key, items)
        case frozenset() as members:
            yield from _in_parts("SADD", key, members)
        case Stream() as stream:
            yield from _stream_commands(key, stream)
        case Opaque(payload):
            yield "RESTORE", key, 0, payload
        case mapping if state.type == "zset":
            pairs = [part for m, score in mapping.items() for part in (_score(score), m)]
            yield from _in_parts("ZADD", key, pairs)
        case mapping:
            yield from _in_parts("HSET", key, [part for pair in mapping.items() for part in pair])


def _in_parts(name: str, key: bytes, arguments: Iterable[Any]) -> Iterator[_Command]:
    for part in in_batches(arguments, _MEMBERS_A_COMMAND):
        yield name, key, *part


def _score(score: bytes | float) -> str:
    return repr(score)


def _stream_commands(key: bytes, stream: Stream) -> Iterator[_Command]:
    entries = dict(stream.entries)
    # Ids whose entry was deleted, but which a consumer still owes, or which was the last one.
    bare = {entry.id for group in stream.groups.values() for entry in group.pending}
    bare |= {stream.last_id} - {b"0-0"}
    bare -= entries.keys()
    if not (entries or bare):
        yield "XGROUP CREATE", key, _GROUP_TO_MAKE_A_STREAM, "0", "MKSTREAM"
        yield "XGROUP DESTROY", key, _GROUP_TO_MAKE_A_STREAM
    for id_ in sorted(entries.keys() | bare, key=_order):
        yield "XADD", key, id_, *entries.get(id_, (b"deleted", b""))
    for name, group in stream.groups.items():
        yield from _group_commands(key, name, group)
    if bare:
        yield "XDEL", key, *bare
    if stream.entries_added is not None and stream.max_deleted_id is not None:
        counters = ("ENTRIESADDED", stream.entries_added, "MAXDELETEDID", stream.max_deleted_id)
        yield "XSETID", key, stream.last_id, *counters


def _order(id_: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = id_.partition(b"-")
    return int(milliseconds), int(sequence)


def _group_commands(key: bytes, name: bytes, group: Group) -> Iterator[_Command]:
    read = () if group.entries_read is None else ("ENTRIESREAD", group.entries_read)
    yield "XGROUP CREATE", key, name, group.last_delivered_id, *read
    for consumer in group.consumers:
        yield "XGROUP CREATECONSUMER", key, name, consumer
    for entry in group.pending:
        claim = ("XCLAIM", key, name, entry.consumer, 0, entry.id)
        when = ("TIME", entry.delivered_at, "RETRYCOUNT", entry.deliveries)
        yield *claim, *when, "FORCE", "JUSTID"
