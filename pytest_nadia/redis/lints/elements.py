"""Whether a read asks for everything, and how many elements it got."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_nadia.redis.wire import CommandRecord

_EVERYTHING = frozenset(
    {"HGETALL", "HKEYS", "HVALS", "SDIFF", "SINTER", "SMEMBERS", "SUNION", "ZDIFF", "ZINTER"}
    | {"ZUNION"}
)
_BY_INDEX = frozenset({"LRANGE", "ZRANGE", "ZREVRANGE"})
_WITH_LIMIT = frozenset(
    {"SORT", "SORT_RO", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE"}
)
_WITH_COUNT = frozenset({"XRANGE", "XREVRANGE"})
_LISTS = (b"*", b"~", b"%", b">")


def is_unbounded(record: CommandRecord) -> bool:
    """Whether the command reads all there is, however much that may be."""
    words = [argument.upper() for argument in record.arguments]
    if record.name in _BY_INDEX and b"BYSCORE" not in words and b"BYLEX" not in words:
        return len(words) > 2 and _is_negative(words[1]) != _is_negative(words[2])
    if record.name in _BY_INDEX or record.name in _WITH_LIMIT:
        return not _has_limit(words)
    if record.name in _WITH_COUNT:
        return b"COUNT" not in words[3:]
    return record.name in _EVERYTHING


def elements_of(record: CommandRecord) -> int:
    """How many elements the reply holds; 0 for a reply that is no list."""
    head, _, rest = record.reply.partition(b"\r\n")
    if head[:1] not in _LISTS or not head[1:].isdigit():
        return 0
    count = int(head[1:])
    # Older protocols put pairs one after the other, newer ones into a map or into lists of two.
    flat = head[:1] == b"*" and rest[:1] != b"*"
    return count // 2 if flat and _gives_pairs(record) else count


def _gives_pairs(record: CommandRecord) -> bool:
    words = [argument.upper() for argument in record.arguments]
    return record.name == "HGETALL" or b"WITHSCORES" in words


def _is_negative(number: bytes) -> bool:
    return number.startswith(b"-")


def _has_limit(words: list[bytes]) -> bool:
    """LIMIT offset count, where a negative count means all."""
    if b"LIMIT" not in words[1:]:
        return False
    count = words[words.index(b"LIMIT", 1) + 2 :][:1]
    return bool(count) and not _is_negative(count[0])
