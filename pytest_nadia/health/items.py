"""The items of queues and of stored data: more of them, older ones, damaged ones."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis import Redis

    Item: TypeAlias = tuple[bytes, bytes, float]
    """Field or member, value or element, score."""

_YEARS = 10 * 365 * 86_400
_BLOCK = 1000


def read_items(client: Redis, key: bytes, kind: str) -> list[Item]:
    """What a key holds, in its own order."""
    redis: Any = client
    match kind:
        case "list":
            return [(b"", each, 0.0) for each in redis.lrange(key, 0, -1)]
        case "hash":
            return [(name, value, 0.0) for name, value in redis.hgetall(key).items()]
        case "zset":
            return [(each, b"", score) for each, score in redis.zrange(key, 0, -1, withscores=True)]
        case "set":
            return [(each, b"", 0.0) for each in sorted(redis.smembers(key))]
        case "string":
            value = redis.get(key)
            return [] if value is None else [(b"", value, 0.0)]
    return []


def write_items(client: Redis, key: bytes, kind: str, items: Sequence[Item]) -> None:
    """Make a key hold these and nothing else; its expiry stays."""
    redis: Any = client
    left = redis.pttl(key)
    redis.delete(key)
    for at in range(0, len(items), _BLOCK):
        _add(redis, key, kind, items[at : at + _BLOCK])
    if left > 0:
        redis.pexpire(key, left)


def _add(redis: Any, key: bytes, kind: str, items: Sequence[Item]) -> None:
    match kind:
        case "list":
            redis.rpush(key, *(value for _, value, _ in items))
        case "hash":
            redis.hset(key, mapping={name: value for name, value, _ in items})
        case "zset":
            redis.zadd(key, {member: score for member, _, score in items})
        case "set":
            redis.sadd(key, *(member for member, _, _ in items))
        case "string":
            redis.set(key, items[-1][1])
        case "stream":
            pipeline = redis.pipeline(transaction=False)
            for name, value, _ in items:
                pipeline.xadd(key, {name: value})
            pipeline.execute()


def resized(items: Sequence[Item], kind: str, size: int) -> list[Item]:
    """So many items like those that are there; made up where there are none."""
    samples = list(items) or [(b"", _made_up(), time.time())]
    kept = list(items[:size])
    for number in range(len(kept), size):
        name, value, score = samples[number % len(samples)]
        kept.append((name if kind == "list" else b"nadia-%d" % number, value, score))
    return kept


def _made_up() -> bytes:
    now = datetime.now(UTC).isoformat()
    return json.dumps({"id": "nadia", "text": "hello", "timestamp": now}).encode()


def older(items: Sequence[Item], kind: str, seconds: float) -> list[Item] | None:
    """The items as if they had come so much earlier; None where none has a time."""
    change = _older_score if kind == "zset" else _older_value
    changed = [change(item, seconds) for item in items]
    if changed == list(items):
        return None
    return changed


def _older_score(item: Item, seconds: float) -> Item:
    name, value, score = item
    return (_older_text(name, seconds), value, _older_number(score, seconds))


def _older_value(item: Item, seconds: float) -> Item:
    name, value, score = item
    return (name, _older_text(value, seconds), score)


def _older_text(text: bytes, seconds: float) -> bytes:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    changed = _older_json(value, seconds)
    return text if changed == value else json.dumps(changed).encode()


def _older_json(value: Any, seconds: float) -> Any:
    if isinstance(value, dict):
        return {name: _older_json(each, seconds) for name, each in value.items()}
    if isinstance(value, list):
        return [_older_json(each, seconds) for each in value]
    if isinstance(value, str):
        return _older_stamp(value, seconds)
    return _older_number(value, seconds)


def _older_number(value: Any, seconds: float) -> Any:
    """Seconds or milliseconds since 1970, if they may be a time of today."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    for unit in (1, 1000):
        if abs(value / unit - time.time()) < _YEARS:
            return value - type(value)(seconds * unit)
    return value


def _older_stamp(text: str, seconds: float) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if len(text) < len("2026-01-01T00:00"):
        return text
    return (moment - timedelta(seconds=seconds)).isoformat()


def is_json(items: Sequence[Item]) -> bool:
    """Whether every value is a JSON object or array."""
    return bool(items) and all(_is_structure(value) for _, value, _ in items)


def _is_structure(value: bytes) -> bool:
    try:
        return isinstance(json.loads(value), dict | list)
    except ValueError:
        return False


def with_last(items: Sequence[Item], change: Callable[[bytes], bytes]) -> list[Item]:
    """The same items, the value of the last one changed."""
    name, value, score = items[-1]
    return [*items[:-1], (name, change(value), score)]
