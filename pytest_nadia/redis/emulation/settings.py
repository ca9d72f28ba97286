"""The parameters that the emulation acts upon, read once at each change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_nadia.redis.emulation.encodings import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """`max_memory` in bytes, 0 for no limit; `slow_seconds` is infinite when nothing is logged."""

    max_memory: int
    policy: str
    password: bytes
    slow_seconds: float
    slow_log_length: int
    largest_string: int
    limits: Limits


def settings_from(parameters: Mapping[str, str], version: tuple[int, ...]) -> Settings:
    slower_than = int(parameters["slowlog-log-slower-than"])
    return Settings(
        max_memory=int(parameters["maxmemory"]),
        policy=parameters["maxmemory-policy"],
        password=parameters["requirepass"].encode("utf-8", "surrogateescape"),
        slow_seconds=slower_than / 1_000_000 if slower_than >= 0 else float("inf"),
        slow_log_length=int(parameters["slowlog-max-len"]),
        largest_string=int(parameters["proto-max-bulk-len"]),
        limits=_limits(parameters, version),
    )


def _limits(parameters: Mapping[str, str], version: tuple[int, ...]) -> Limits:
    return Limits(
        hash_entries=int(parameters["hash-max-listpack-entries"]),
        hash_value=int(parameters["hash-max-listpack-value"]),
        zset_entries=int(parameters["zset-max-listpack-entries"]),
        zset_value=int(parameters["zset-max-listpack-value"]),
        intset_entries=int(parameters["set-max-intset-entries"]),
        list_size=int(parameters["list-max-listpack-size"]),
        compact_lists=version >= (7, 2),
        compact_sets=version >= (7, 2),
    )
