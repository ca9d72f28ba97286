"""Faults of the Redis server and of the way to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_nadia.health.fault import HealthFault, NotApplicableError, Target, once
from pytest_nadia.redis import commands
from pytest_nadia.redis.faults import MB
from pytest_nadia.redis.front.info import shows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.fault import Put, Targets
    from pytest_nadia.health.reads import Reads

_NO_REDIS = "the check sends nothing to Redis"
_NO_WRITES = "the check writes nothing"
_NO_INFO = "the check does not read these fields of INFO"
_LONGEST_QUIET_REPLY = 0.02

_GONE = r"refus|connect|unreach|unavailable|down|closed|no answer|reset|not respond"
_SLOW = r"time.?out|timed out|no answer|slow|latency|respon|deadline|within|unreach|connect"
_CUT = rf"{_GONE}|cut|protocol|incomplete|broken|unexpected|eof"


def _any(reads: Reads) -> list[Target]:
    return once(reads) if reads.uses_redis else []


def _sending(accepts: Callable[[str], bool]) -> Targets:
    return lambda reads: once(reads) if reads.sends(accepts) else []


def _writing(reads: Reads) -> list[Target]:
    return once(reads) if reads.sends(commands.may_write) else []


def _filling(reads: Reads) -> list[Target]:
    return once(reads) if reads.sends(commands.is_denied_on_oom) else []


def _with_a_key(reads: Reads) -> list[Target]:
    return once(reads) if any(one.key is not None for one in reads.own) else []


def _logging_in(reads: Reads) -> list[Target]:
    names = {one.name for one in reads.records}
    return once(reads) if names & {"AUTH", "HELLO"} else []


def _showing(*fields: str) -> Targets:
    def targets(reads: Reads) -> list[Target]:
        asked = (one.arguments for one in reads.own if one.name == "INFO")
        return once(reads) if any(shows(fields, each) for each in asked) else []

    return targets


def _either(*all_of: Targets) -> Targets:
    return lambda reads: next((found for one in all_of if (found := one(reads))), [])


@contextmanager
def _down(bench: Bench, _: Target) -> Iterator[None]:
    bench.door = True
    with bench.redis(bench.faults.down(seen=False)):
        yield


@contextmanager
def _quiet_latency(bench: Bench, _: Target) -> Iterator[None]:
    """So little that all replies together take a twentieth of the deadline."""
    replies = max(1, len(bench.reads.records))
    seconds = min(_LONGEST_QUIET_REPLY, bench.deadline / 20 / replies)
    with bench.redis(bench.faults.latency(seconds)):
        yield


def _error(text: str) -> Put:
    return lambda bench, _: bench.redis(bench.faults.error(text))


def _info(**fields: float | str) -> Put:
    return lambda bench, _: bench.redis(bench.faults.info(**fields))


@contextmanager
def _memory(bench: Bench, _: Target) -> Iterator[None]:
    used = int(bench.size * MB)
    human = f"{used / MB:.2f}M"
    with bench.redis(bench.faults.info(used_memory=used, used_memory_human=human)):
        yield


@contextmanager
def _full(bench: Bench, _: Target) -> Iterator[None]:
    if bench.server.kind == "url":
        raise NotApplicableError("it would limit all who use this server")
    with bench.redis(bench.faults.maxmemory(1)):
        yield


@contextmanager
def _replica(bench: Bench, _: Target) -> Iterator[None]:
    """It says so in INFO and in the reply to ROLE, and refuses writes."""
    faults = [bench.faults.error("READONLY")]
    faults.append(bench.faults.info(role="slave", master_link_status="down"))
    with bench.redis(*faults):
        yield


def _redis(
    name: str, put: Put, says: str, targets: Targets = _any, why_not: str = _NO_REDIS
) -> HealthFault:
    return HealthFault(
        name=f"redis-{name}", group="redis", put=put, says=says, targets=targets, why_not=why_not
    )


FAULTS: tuple[HealthFault, ...] = (
    _redis("down", _down, _GONE),
    _redis("hang", lambda bench, _: bench.redis(bench.faults.hang()), _SLOW),
    _redis(
        "slower-than-deadline",
        lambda bench, _: bench.redis(bench.faults.latency(bench.deadline + 1)),
        _SLOW,
    ),
    HealthFault(
        name="redis-slightly-slow",
        group="redis",
        put=_quiet_latency,
        says="",
        targets=_any,
        why_not=_NO_REDIS,
        healthy=True,
    ),
    _redis("drop-after", lambda bench, _: bench.redis(bench.faults.drop_after(bytes=10)), _CUT),
    _redis(
        "cut-reply",
        lambda bench, _: bench.redis(bench.faults.cut_reply(times=1000)),
        _CUT,
    ),
    _redis("loading", _error("LOADING"), "loading"),
    _redis("busy", _error("BUSY"), "busy|script"),
    _redis("noauth", _error("NOAUTH"), "auth"),
    _redis(
        "wrongpass",
        _error("WRONGPASS"),
        "auth|pass|invalid",
        _logging_in,
        "the check's client does not log in",
    ),
    _redis(
        "moved",
        _error("MOVED 1234 127.0.0.1:7001"),
        r"moved|cluster|slot|127\.0\.0\.1:7001",
        _with_a_key,
        "the check names no key",
    ),
    _redis("masterdown", _error("MASTERDOWN"), "master|stale|replica"),
    _redis("clusterdown", _error("CLUSTERDOWN"), "cluster", _with_a_key, "the check names no key"),
    _redis(
        "no-more-clients",
        _error("ERR max number of clients reached"),
        "client|connection|max number",
    ),
    _redis(
        "writes-refused-noreplicas", _error("NOREPLICAS"), "replica|slave", _writing, _NO_WRITES
    ),
    _redis("writes-refused-oom", _error("OOM"), "memory|oom", _filling, _NO_WRITES),
    _redis(
        "maxmemory-reached",
        _full,
        "memory|oom",
        _filling,
        _NO_WRITES,
    ),
    _redis(
        "writes-refused-misconf",
        _error("MISCONF"),
        "misconf|persist|disk|rdb|save",
        _writing,
        _NO_WRITES,
    ),
    _redis(
        "read-only-replica",
        _replica,
        "read.?only|replica|slave|role|master",
        _either(_writing, _showing("role", "master_link_status")),
        "the check neither writes nor reads the role",
    ),
    _redis(
        "snapshot-failed",
        _info(rdb_last_bgsave_status="err"),
        "rdb|bgsave|snapshot|persist|save|backup",
        _showing("rdb_last_bgsave_status"),
        _NO_INFO,
    ),
    _redis(
        "append-failed",
        _info(aof_enabled=1, aof_last_write_status="err"),
        "aof|append|persist|write",
        _showing("aof_last_write_status"),
        _NO_INFO,
    ),
    _redis(
        "rewrite-failed",
        _info(aof_enabled=1, aof_last_bgrewrite_status="err"),
        "aof|rewrite|persist",
        _showing("aof_last_bgrewrite_status"),
        _NO_INFO,
    ),
    _redis(
        "evicting",
        _info(evicted_keys=5000),
        "evict",
        _showing("evicted_keys"),
        _NO_INFO,
    ),
    HealthFault(
        name="redis-memory-at-limit",
        group="redis",
        put=_memory,
        says="",
        targets=_showing("used_memory"),
        why_not=_NO_INFO,
        healthy=True,
        sized=True,
        measure="memory",
        beyond=0,
    ),
    HealthFault(
        name="redis-memory-over-limit",
        group="redis",
        put=_memory,
        says="memory",
        targets=_showing("used_memory"),
        why_not=_NO_INFO,
        sized=True,
        measure="memory",
    ),
)
