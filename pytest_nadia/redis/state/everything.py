"""Data of every type that Redis has, with the values that careless code gets wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import redis

from pytest_nadia.redis.state.connection import raw_client
from pytest_nadia.redis.state.reading import StateError, ask, dialect_of, in_batches, server_time

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_Command: TypeAlias = tuple[Any, ...]

# More than a reader's usual batch, and than a compact encoding holds.
_MANY_ITEMS = 1500
_MANY = 600
_HOUR_MS = 3_600_000
_ALL_BYTES = bytes(range(256))


def fill_with_everything(
    client: redis.Redis, seed: int, databases: Sequence[int] | None = None
) -> None:
    """Add about 50 keys to each of the databases (None: to that of the client), which are empty.

    Most names are the same for every seed, their values are not; and each seed has keys of its
    own. Raises `StateError`.
    """
    for number in (None,) if databases is None else databases:
        with raw_client(client, number) as raw:
            _fill(raw, seed)


def _fill(client: redis.Redis, seed: int) -> None:
    chance = random.Random(seed)
    commands = [command for make in _MAKERS for command in make(chance)]
    commands += _of_this_seed(f":only-{seed}".encode())
    later = server_time(client) + _HOUR_MS
    commands += [("PEXPIREAT", key, later + chance.randrange(_HOUR_MS)) for key in _expiring()]
    if dialect_of(client).field_expiry:
        commands.append(("HPEXPIREAT", b"hash:fields-expire", later, "FIELDS", 1, b"token"))
    for batch in in_batches(commands, 200):
        for command, reply in zip(batch, ask(client, batch, transaction=False), strict=True):
            if isinstance(reply, redis.ResponseError):
                raise StateError(f"cannot fill Redis: {command[0]} was answered with: {reply}")


def _of_this_seed(name: bytes) -> Iterator[_Command]:
    yield "SET", b"string" + name, name
    yield "RPUSH", b"list" + name, name
    yield "SADD", b"set" + name, name
    yield "ZADD", b"zset" + name, 1, name
    yield "HSET", b"hash" + name, name, name
    yield "XADD", b"stream" + name, "1-1", name, name
    yield "HSET", b"hash:text", b"field" + name, name


def _expiring() -> list[bytes]:
    types = ("string", "list", "set", "zset", "hash", "stream")
    return [f"{name}:expires".encode() for name in types]


def _text(chance: random.Random) -> bytes:
    return f"value {chance.randrange(10**9)}".encode()


def _strings(chance: random.Random) -> Iterator[_Command]:
    yield "SET", b"string:text", _text(chance)
    yield "SET", b"string:expires", _text(chance)
    yield "SET", b"user:1", _text(chance)
    yield "SET", b"string:empty", b""
    yield "SET", b"string:binary", chance.randbytes(64) + _ALL_BYTES
    yield "SET", "string:unicode \u00e9\u4e2d\U0001f600", "gr\u00fc\u00df dich \U0001f44b".encode()
    yield "SET", b"string:binary-key:" + _ALL_BYTES, _text(chance)
    yield "SET", b"string:integer", -chance.randrange(10**18)
    yield "SET", b"string:largest-integer", 2**63 - 1
    yield "SET", b"string:beyond-integer", str(2**64 + chance.randrange(10**6))
    yield "SET", b"string:zeros", b"007"
    yield "SET", b"string:newlines", b"a\r\nb\n\x00c"
    yield "SET", b"string:large", chance.randbytes(100_000)
    yield "SETBIT", b"bitmap", chance.randrange(1000, 2000), 1
    yield "PFADD", b"hyperloglog", *(chance.randbytes(8) for _ in range(50))


def _lists(chance: random.Random) -> Iterator[_Command]:
    yield "RPUSH", b"list:queue", *(_text(chance) for _ in range(5))
    yield "RPUSH", b"list:expires", _text(chance)
    yield "RPUSH", b"list:repeated", b"a", b"b", b"a", b"", b"a"
    yield "RPUSH", b"list:binary", chance.randbytes(20), _ALL_BYTES
    yield from _many("RPUSH", b"list:large", [(_text(chance),) for _ in range(_MANY_ITEMS)])


def _sets(chance: random.Random) -> Iterator[_Command]:
    yield "SADD", b"set:text", *(_text(chance) for _ in range(5))
    yield "SADD", b"set:expires", _text(chance)
    yield "SADD", b"set:integers", *(chance.randrange(2**40) for _ in range(5))
    yield "SADD", b"set:binary", b"", chance.randbytes(20), _ALL_BYTES
    yield from _many("SADD", b"set:large", [(_text(chance),) for _ in range(_MANY)])


def _zsets(chance: random.Random) -> Iterator[_Command]:
    yield "ZADD", b"zset:text", chance.random(), b"a", -chance.randrange(100), b"b", 0.1, b"c"
    yield "ZADD", b"zset:expires", chance.randrange(100), b"a"
    yield "ZADD", b"zset:equal-scores", 1, b"b", 1, b"a", 1, b"c"
    yield "ZADD", b"zset:infinite", "inf", b"last", "-inf", b"first", 2**53, b"exact"
    yield "ZADD", b"zset:binary", chance.random(), _ALL_BYTES, 1e-300, b""
    rows = [(chance.random(), f"member:{n}") for n in range(_MANY)]
    yield from _many("ZADD", b"zset:large", rows)
    yield "GEOADD", b"geo", chance.uniform(-90, 90), chance.uniform(-80, 80), b"place"


def _hashes(chance: random.Random) -> Iterator[_Command]:
    yield "HSET", b"hash:text", b"name", _text(chance), b"count", chance.randrange(10**6)
    yield "HSET", b"hash:expires", b"name", _text(chance)
    yield "HSET", b"hash:binary", _ALL_BYTES, chance.randbytes(20), b"", b""
    yield "HSET", b"hash:fields-expire", b"token", _text(chance), b"name", _text(chance)
    rows = [(f"field:{n}", _text(chance)) for n in range(_MANY)]
    yield from _many("HSET", b"hash:large", rows)


def _many(name: str, key: bytes, rows: list[tuple[Any, ...]]) -> Iterator[_Command]:
    for batch in in_batches(rows, 500):
        yield name, key, *(part for row in batch for part in row)


def _streams(chance: random.Random) -> Iterator[_Command]:
    for n in range(1, 9):
        yield "XADD", b"stream:groups", f"{n}-1", b"field", _text(chance), _ALL_BYTES, b""
    yield "XGROUP CREATE", b"stream:groups", b"workers", "0"
    yield "XGROUP CREATE", b"stream:groups", b"new", "$"
    yield _read(b"ann", 2)
    yield _read(b"ben", 3)
    yield "XACK", b"stream:groups", b"workers", "1-1"
    yield "XGROUP CREATECONSUMER", b"stream:groups", b"workers", b"idle"
    yield "XADD", b"stream:expires", "5-5", b"field", _text(chance)
    yield "XADD", b"stream:emptied", f"9-{chance.randrange(1, 1000)}", b"field", b"value"
    yield "XTRIM", b"stream:emptied", "MAXLEN", 0
    yield "XADD", b"stream:last-deleted", "1-0", b"repeated", b"a", b"repeated", b"b"
    yield "XADD", b"stream:last-deleted", "2-0", b"field", b"value"
    yield "XDEL", b"stream:last-deleted", "2-0"


def _read(consumer: bytes, count: int) -> _Command:
    group = ("GROUP", b"workers", consumer, "COUNT", count)
    return "XREADGROUP", *group, "STREAMS", b"stream:groups", ">"


_MAKERS: tuple[Callable[[random.Random], Iterator[_Command]], ...] = (
    _strings,
    _lists,
    _sets,
    _zsets,
    _hashes,
    _streams,
)
