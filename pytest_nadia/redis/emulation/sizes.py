"""How much memory a key takes in a Redis, estimated the way MEMORY USAGE does.

The figures are those of Redis 7.0 on 64 bits with jemalloc. Of a collection a few elements are
measured and taken for the average.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from fakeredis.model import ExpiringMembersSet, Hash, XStream, ZSet

from pytest_nadia.redis.emulation.encodings import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_nadia.redis.emulation.encodings import Limits

SAMPLES = 5
_ENTRY, _OBJECT, _DICT, _QUICKLIST, _NODE = 24, 16, 56, 40, 32
_LISTPACK = 7
_SCORE_NODE = 52
_STREAM, _STREAM_PAGE, _STREAM_ENTRY = 580, 4096, 26


def allocated(size: int) -> int:
    """What jemalloc gives for a request of `size` bytes."""
    if size <= 8:
        return 8
    if size <= 128:
        return -(-size // 16) * 16
    step = 1 << max(4, (size - 1).bit_length() - 3)
    return -(-size // step) * step


def key_size(key: bytes, value: Any, limits: Limits, samples: int = SAMPLES) -> int:
    """Bytes that a key and its value take; `samples` 0 measures every element."""
    return _ENTRY + _text(key) + value_size(value, limits, samples)


def value_size(value: Any, limits: Limits, samples: int = SAMPLES) -> int:
    if isinstance(value, list):
        return (
            _OBJECT + _QUICKLIST + _packed(value, samples) + _NODE * (1 + len(value) * 64 // 8192)
        )
    if isinstance(value, XStream):
        return _stream(value, samples)
    encoding = encoding_of(value, limits)
    if isinstance(value, bytes):
        return _string(value, encoding)
    if isinstance(value, ExpiringMembersSet):
        return _OBJECT + _set(value, encoding, samples)
    if isinstance(value, ZSet):
        return _OBJECT + _sorted_set(value, encoding, samples)
    if isinstance(value, Hash):
        return _OBJECT + _hash(value, encoding, samples)
    return _OBJECT + _DICT


def _text(value: bytes) -> int:
    header = 1 if len(value) < 32 else 3 if len(value) < 256 else 5 if len(value) < 65536 else 9
    return allocated(len(value) + header + 1)


def _string(value: bytes, encoding: bytes) -> int:
    if encoding == b"int":
        return _OBJECT
    if encoding == b"embstr":
        return allocated(_OBJECT + len(value) + 4)
    return _OBJECT + _text(value)


def _average(sizes: Iterable[int], count: int, samples: int) -> int:
    """The sum of `count` sizes, from the first few of them."""
    seen = list(islice(sizes, samples) if samples else sizes)
    return sum(seen) * count // len(seen) if seen else 0


def _packed(elements: Iterable[bytes], samples: int, count: int = -1) -> int:
    number = len(elements) if isinstance(elements, list) else count
    return allocated(_LISTPACK + _average((len(one) + 3 for one in elements), number, samples))


def _table(entries: int, count: int) -> int:
    slots = 8 * (1 << max(2, (count - 1).bit_length()))
    return _DICT + slots + entries + _ENTRY * count


def _set(value: ExpiringMembersSet, encoding: bytes, samples: int) -> int:
    count, members = len(value), value._values
    if encoding == b"intset":
        return allocated(8 + 8 * count)
    if encoding == b"listpack":
        return _packed(members, samples, count)
    return _table(_average((_text(one) for one in members), count, samples), count)


def _hash(value: Hash, encoding: bytes, samples: int) -> int:
    count, fields = len(value), value._values
    if encoding == b"listpack":
        sizes = (len(name) + len(content) + 4 for name, content in fields.items())
        return allocated(_LISTPACK + _average(sizes, count, samples))
    sizes = (_text(name) + _text(content) for name, content in fields.items())
    return _table(_average(sizes, count, samples), count)


def _sorted_set(value: ZSet, encoding: bytes, samples: int) -> int:
    count, members = len(value), value._bylex
    if encoding == b"listpack":
        return allocated(_LISTPACK + _average((len(one) + 4 for one in members), count, samples))
    sizes = (_text(one) + _SCORE_NODE for one in members)
    return _table(_average(sizes, count, samples), count)


def _stream(value: XStream, samples: int) -> int:
    entries = value._values_dict.values()
    content = _average((sum(map(len, one)) + _STREAM_ENTRY for one in entries), len(value), samples)
    return _OBJECT + _STREAM + max(_STREAM_PAGE, content)
