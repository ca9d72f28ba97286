"""Which internal representation a Redis would choose for a value: OBJECT ENCODING."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakeredis.model import ExpiringMembersSet, Hash, XStream, ZSet

_LONGEST_EMBEDDED = 44
_INTEGERS = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the compact representations end; sizes in bytes."""

    hash_entries: int = 512
    hash_value: int = 64
    zset_entries: int = 128
    zset_value: int = 64
    intset_entries: int = 512
    set_entries: int = 128
    set_value: int = 64
    list_size: int = -2
    compact_lists: bool = True
    compact_sets: bool = True


def encoding_of(value: Any, limits: Limits) -> bytes:
    """The name of the representation; `raw` for what Redis itself has not."""
    if isinstance(value, bytes):
        return _of_string(value)
    if isinstance(value, list):
        return _of_list(value, limits)
    if isinstance(value, ExpiringMembersSet):
        return _of_set(value, limits)
    if isinstance(value, Hash):
        return _of_hash(value, limits)
    if isinstance(value, ZSet):
        members = value._bylex
        return _packed(members, limits.zset_entries, limits.zset_value) or b"skiplist"
    return b"stream" if isinstance(value, XStream) else b"raw"


def is_integer(value: bytes) -> bool:
    """Whether Redis would store this text as a 64-bit integer."""
    if len(value) > 20 or not value.lstrip(b"-").isdigit():
        return False
    number = int(value)
    return number in _INTEGERS and b"%d" % number == value


def _of_string(value: bytes) -> bytes:
    if is_integer(value):
        return b"int"
    return b"embstr" if len(value) <= _LONGEST_EMBEDDED else b"raw"


def _of_list(value: list[bytes], limits: Limits) -> bytes:
    if not limits.compact_lists:
        return b"quicklist"
    if limits.list_size >= 0:
        return b"listpack" if len(value) <= limits.list_size else b"quicklist"
    most = 2048 << -limits.list_size
    size = 7
    for element in value:
        size += len(element) + 2
        if size > most:
            return b"quicklist"
    return b"listpack"


def _of_set(value: ExpiringMembersSet, limits: Limits) -> bytes:
    members = value._values
    if len(members) <= limits.intset_entries and all(map(is_integer, members)):
        return b"intset"
    if limits.compact_sets and _packed(members, limits.set_entries, limits.set_value):
        return b"listpack"
    return b"hashtable"


def _of_hash(value: Hash, limits: Limits) -> bytes:
    fields = value._values
    if not _packed(fields, limits.hash_entries, limits.hash_value):
        return b"hashtable"
    if any(len(content) > limits.hash_value for content in fields.values()):
        return b"hashtable"
    return b"listpackex" if value._expirations else b"listpack"


def _packed(members: Any, entries: int, longest: int) -> bytes:
    fits = len(members) <= entries and all(len(member) <= longest for member in members)
    return b"listpack" if fits else b""
