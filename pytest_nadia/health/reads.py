"""What the healthy run touched: commands, keys, the machine's load."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_nadia.health.fault import Target
from pytest_nadia.redis import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_nadia.redis.wire import CommandRecord

_LENGTHS = {
    "LLEN": "list", "HLEN": "hash", "ZCARD": "zset", "ZCOUNT": "zset", "SCARD": "set",
    "XLEN": "stream",
}  # fmt: skip
_CONTENTS = frozenset(
    (
        *("GET", "GETRANGE", "MGET", "LRANGE", "LINDEX", "SMEMBERS", "SSCAN", "XRANGE"),
        *("HGET", "HMGET", "HGETALL", "HVALS", "HSCAN", "XREVRANGE"),
        *("ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZSCAN", "ZPOPMIN"),
    )
)
_SCANS = ("SCAN", "KEYS")


@dataclass(frozen=True)
class Reads:
    """`types` are those of the keys that the healthy run left, `expiring` those with an expiry."""

    records: list[CommandRecord] = field(default_factory=list)
    machine: frozenset[str] = frozenset()
    types: Mapping[bytes, str] = field(default_factory=dict)
    expiring: frozenset[bytes] = frozenset()
    is_command: bool = False
    has_store: bool = False

    @property
    def own(self) -> list[CommandRecord]:
        """Without the handshakes that client libraries send."""
        return [one for one in self.records if not one.handshake]

    @property
    def uses_redis(self) -> bool:
        return bool(self.own)

    def sends(self, accepts: Callable[[str], bool]) -> bool:
        return any(accepts(one.name) for one in self.own)

    @property
    def queues(self) -> list[Target]:
        """Keys of which the length is asked, each with its type."""
        found = {
            one.key: _LENGTHS[one.name]
            for one in self.own
            if one.name in _LENGTHS and one.key is not None
        }
        return [_target(key, kind) for key, kind in found.items()]

    @property
    def contents(self) -> list[Target]:
        """Of the keys whose content is read one for each pattern: the last, not the first."""
        written = {one.key for one in self.own if commands.may_write(one.name)}
        read = {key for one in self.own for key in _keys_read(one) if key in self.types}
        groups: dict[str, bytes] = {}
        for key in sorted(read - written):
            groups[self._pattern(key)] = key
        return [_target(key, self.types[key]) for key in groups.values()]

    @property
    def keyed(self) -> list[Target]:
        """Every key of which the length or the content is read."""
        queues = self.queues
        return queues + [one for one in self.contents if one not in queues]

    @property
    def unmeasured(self) -> list[Target]:
        """Those of which the content is read and the length is not asked."""
        queues = {queue.key for queue in self.queues}
        return [one for one in self.contents if one.key not in queues]

    def _pattern(self, key: bytes) -> str:
        name = key.decode("utf-8", "surrogateescape")
        for pattern in self._scanned():
            if fnmatchcase(name, pattern):
                return pattern
        return re.sub(r"\d+", "#", name)

    def _scanned(self) -> list[str]:
        return [
            argument.decode("utf-8", "surrogateescape")
            for one in self.own
            if one.name in _SCANS
            for argument in one.arguments
            if b"*" in argument
        ]


def _keys_read(record: CommandRecord) -> Iterable[bytes]:
    if record.name not in _CONTENTS:
        return ()
    if record.name == "MGET":
        return record.arguments
    return () if record.key is None else (record.key,)


def _target(key: bytes, kind: str) -> Target:
    return Target(key.decode("utf-8", "surrogateescape"), kind)
