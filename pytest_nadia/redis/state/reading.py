"""Reads what keys hold, in a few round trips for each batch of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import redis

from pytest_nadia.redis.state.connection import ask_one
from pytest_nadia.redis.state.values import Group, KeyState, Opaque, Pending, Stream, Value

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

T = TypeVar("T")
_Command: TypeAlias = tuple[Any, ...]

_KEYS_A_BATCH = 500
_MEMBERS_A_COMMAND = 1000
_NOT_YET_DUMPED = Opaque(b"")


class StateError(Exception):
    """The state of a Redis could not be read, or not be brought back. One line says why."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server knows that older ones, or other kinds, do not."""

    absolute_expiry: bool
    field_expiry: bool


def dialect_of(client: redis.Redis) -> Dialect:
    probes: list[_Command] = [
        ("PEXPIRETIME", b"nadia:absent"),
        ("HPEXPIRETIME", b"nadia:absent", "FIELDS", 1, b"f"),
    ]
    replies = ask(client, probes, transaction=False)
    return Dialect(*(not isinstance(reply, redis.ResponseError) for reply in replies))


def read_keys(client: redis.Redis, dialect: Dialect) -> dict[bytes, KeyState]:
    """All keys of the client's database. Raises `StateError`."""
    states: dict[bytes, KeyState] = {}
    for keys in in_batches(_scan(client), _KEYS_A_BATCH):
        types = ask(client, [("TYPE", key) for key in keys], transaction=False)
        names = {key: name.decode() for key, name in zip(keys, types, strict=True)}
        states |= read_batch(client, names, dialect)
    return states


def ask(client: redis.Redis, commands: Sequence[_Command], *, transaction: bool) -> list[Any]:
    """The replies; an error reply is among them as an exception."""
    if not commands:
        return []
    with client.pipeline(transaction=transaction) as pipe:
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]
        return pipe.execute(raise_on_error=False)


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def server_time(client: redis.Redis) -> int:
    """The server's clock, in Unix milliseconds."""
    return _milliseconds(ask_one(client, "TIME"))


def _scan(client: redis.Redis) -> Iterator[bytes]:
    cursor: bytes | int = b"0"
    seen: set[bytes] = set()
    while True:
        cursor, keys = ask_one(client, "SCAN", cursor, "COUNT", _KEYS_A_BATCH)
        yield from (key for key in keys if key not in seen)
        seen.update(keys)
        if int(cursor) == 0:
            return


def read_batch(
    client: redis.Redis, types: Mapping[bytes, str], dialect: Dialect
) -> dict[bytes, KeyState]:
    """What the keys hold that had these types a moment ago; without those gone since."""
    present = {key: name for key, name in types.items() if name != "none"}
    expiry = "PEXPIRETIME" if dialect.absolute_expiry else "PTTL"
    commands: list[_Command] = [("TIME",)]
    for key, name in present.items():
        commands += [_READERS.get(name, _dump)(key), (expiry, key)]
    clock, *replies = ask(client, commands, transaction=True)
    now = 0 if dialect.absolute_expiry else _milliseconds(clock)
    states: dict[bytes, KeyState] = {}
    pairs = zip(replies[::2], replies[1::2], strict=True)
    for (key, name), (reply, ttl) in zip(present.items(), pairs, strict=True):
        # -2: the key is gone since it was listed.
        if ttl != -2:
            _check(key, reply)
            states[key] = KeyState(name, _value(name, reply), None if ttl < 0 else now + ttl)
    states = _with_field_expiries(client, states, dialect)
    return _with_dumps(client, _with_streams(client, states))


def _check(key: bytes, reply: object) -> None:
    if isinstance(reply, redis.ResponseError):
        raise StateError(f"cannot read key {key!r}: {reply}. Is Redis written to meanwhile?")


def _string(key: bytes) -> _Command:
    return "GET", key


def _list(key: bytes) -> _Command:
    return "LRANGE", key, 0, -1


def _set(key: bytes) -> _Command:
    return "SMEMBERS", key


def _zset(key: bytes) -> _Command:
    return "ZRANGE", key, 0, -1, "WITHSCORES"


def _hash(key: bytes) -> _Command:
    return "HGETALL", key


def _stream(key: bytes) -> _Command:
    return "XRANGE", key, "-", "+"


def _dump(key: bytes) -> _Command:
    return "DUMP", key


_READERS: dict[str, Callable[[bytes], _Command]] = {
    "string": _string,
    "list": _list,
    "set": _set,
    "zset": _zset,
    "hash": _hash,
    "stream": _stream,
}


def _value(name: str, reply: Any) -> Value:
    match name:
        case "string":
            return bytes(reply)
        case "list":
            return tuple(reply)
        case "set":
            return frozenset(reply)
        case "zset":
            return _scores(reply)
        case "hash":
            return dict(_pairs(reply))
        case "stream":
            return Stream(tuple((id_, tuple(fields)) for id_, fields in reply), b"0-0", {})
        case _:
            return Opaque(reply)


def _scores(reply: Sequence[bytes]) -> Value:
    try:
        return {member: float(score) for member, score in _pairs(reply)}
    except ValueError:
        # fakeredis keeps places (GEOADD) with a text where Redis has a number.
        return _NOT_YET_DUMPED


def _pairs(flat: Sequence[T]) -> Iterator[tuple[T, T]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _milliseconds(clock: Sequence[bytes]) -> int:
    seconds, microseconds = clock
    return int(seconds) * 1000 + int(microseconds) // 1000


def _with_field_expiries(
    client: redis.Redis, states: dict[bytes, KeyState], dialect: Dialect
) -> dict[bytes, KeyState]:
    if not dialect.field_expiry:
        return states
    parts = [
        (key, fields)
        for key, state in states.items()
        if state.type == "hash" and isinstance(state.value, Mapping)
        for fields in in_batches(state.value, _MEMBERS_A_COMMAND)
    ]
    commands: list[_Command] = [
        ("HPEXPIRETIME", key, "FIELDS", len(fields), *fields) for key, fields in parts
    ]
    for (key, fields), reply in zip(parts, ask(client, commands, transaction=False), strict=True):
        _check(key, reply)
        found = {f: ms for f, ms in zip(fields, reply or (), strict=False) if ms >= 0}
        if found:
            known = states[key]
            states[key] = replace(known, field_expiries={**known.field_expiries, **found})
    return states


def _with_streams(client: redis.Redis, states: dict[bytes, KeyState]) -> dict[bytes, KeyState]:
    for key, state in states.items():
        if isinstance(state.value, Stream):
            states[key] = replace(state, value=_complete(client, key, state.value))
    return states


def _with_dumps(client: redis.Redis, states: dict[bytes, KeyState]) -> dict[bytes, KeyState]:
    for key, state in states.items():
        if state.value is _NOT_YET_DUMPED:
            states[key] = replace(state, value=Opaque(ask_one(client, "DUMP", key)))
    return states


def _complete(client: redis.Redis, key: bytes, stream: Stream) -> Stream:
    commands: list[_Command] = [("XINFO STREAM", key), ("XINFO GROUPS", key)]
    about, groups = ask(client, commands, transaction=True)
    _check(key, about)
    _check(key, groups)
    facts = dict(_pairs(about))
    return replace(
        stream,
        last_id=facts[b"last-generated-id"],
        groups={group[b"name"]: _group(client, key, group) for group in map(_facts, groups)},
        entries_added=facts.get(b"entries-added"),
        max_deleted_id=facts.get(b"max-deleted-entry-id"),
    )


def _facts(flat: Sequence[Any]) -> dict[bytes, Any]:
    return dict(_pairs(flat))


def _group(client: redis.Redis, key: bytes, group: Mapping[bytes, Any]) -> Group:
    name = group[b"name"]
    clock, consumers, pending = ask(
        client,
        [
            ("TIME",),
            ("XINFO CONSUMERS", key, name),
            ("XPENDING", key, name, "-", "+", max(group[b"pending"], 1)),
        ],
        transaction=True,
    )
    _check(key, consumers)
    _check(key, pending)
    now = _milliseconds(clock)
    return Group(
        last_delivered_id=group[b"last-delivered-id"],
        entries_read=group.get(b"entries-read"),
        consumers=frozenset(_facts(consumer)[b"name"] for consumer in consumers),
        pending=tuple(Pending(id_, who, now - idle, n) for id_, who, idle, n in pending),
    )
