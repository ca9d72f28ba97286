"""Is the bot's ground sound? Each probe has a deadline; what cannot be measured is not healthy."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psutil

from companion import config
from companion.constants import (
    CLOCK_LIMIT,
    CPU_LIMIT,
    DISK_LIMIT,
    GARBAGE,
    HISTORIES_AT_ONCE,
    HISTORY,
    HISTORY_ENTRIES,
    KEY_TYPES,
    MEMORY_LIMIT,
    PROBE,
    PROBE_SECONDS,
    RAM_LIMIT,
)
from companion.message import loads
from companion.queue_health import QueueHealth
from companion.redis_connection import RedisConnection
from companion.report import Found, limited, run_probes
from companion.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.asyncio import Redis

    from companion.report import Probe, Report

_SAVED = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")


class Machine(Protocol):
    """The machine's load, each in percent."""

    def cpu(self) -> float: ...

    def ram(self) -> float: ...

    def disk(self) -> float: ...


class ThisMachine:
    """A Machine measured with psutil; `disk` is the one that holds the working directory."""

    def cpu(self) -> float:
        return psutil.cpu_percent(interval=0.1)

    def ram(self) -> float:
        return psutil.virtual_memory().percent

    def disk(self) -> float:
        return psutil.disk_usage(str(Path.cwd())).percent


async def check(url: str | None = None) -> Report:
    """The health of the Redis at `url`, by default that of the settings, and of this machine.

    Raises ConfigError.
    """
    url = url or config.from_environment(os.environ).redis_url
    # A check tells what is so now: it does not try again until it is well.
    async with RedisConnection(url, PROBE_SECONDS, retries=0) as connection:
        return await HealthChecker(connection.client, seconds=PROBE_SECONDS).check()


class HealthChecker:
    """Probes Redis and the machine; `seconds` is the deadline of each probe."""

    def __init__(
        self, client: Redis, machine: Machine | None = None, seconds: float = PROBE_SECONDS
    ) -> None:
        self._client = client
        self._machine = machine or ThisMachine()
        self._seconds = seconds

    async def check(self) -> Report:
        """Run all probes side by side. Raises nothing but cancellation."""
        queues = QueueHealth(self._client)
        probes: dict[str, Probe] = {
            "redis": self._redis,
            "memory": self._memory,
            "persistence": self._persistence,
            "evictions": self._evictions,
            "clock": self._clock,
            "keys": self._keys,
            "write-ahead": queues.write_ahead,
            "work": queues.work,
            "review": queues.review,
            "garbage": self._garbage,
            "history": self._history,
            "cpu": lambda: self._load(self._machine.cpu, CPU_LIMIT),
            "ram": lambda: self._load(self._machine.ram, RAM_LIMIT),
            "disk": lambda: self._load(self._machine.disk, DISK_LIMIT),
        }
        return await run_probes(probes, self._seconds)

    async def _redis(self) -> Found:
        await self._client.set(PROBE, "1", ex=10)
        return Found("ok", "answers and takes writes")

    async def _memory(self) -> Found:
        info: dict[str, Any] = await self._client.info("memory")
        return limited(float(info["used_memory"]) / 2**20, MEMORY_LIMIT / 2**20, "MB", "critical")

    async def _persistence(self) -> Found:
        info: dict[str, Any] = await self._client.info("persistence")
        failed = [f"{name} is {info[name]}" for name in _SAVED if info[name] != "ok"]
        return Found("critical", "; ".join(failed)) if failed else Found("ok", "the last were good")

    async def _evictions(self) -> Found:
        info: dict[str, Any] = await self._client.info("stats")
        evicted = float(info["evicted_keys"])
        # What Redis throws away is messages: it counts until somebody has looked (RESETSTAT).
        return limited(evicted, 0, "keys evicted", "critical")

    async def _clock(self) -> Found:
        seconds, microseconds = await self._client.time()
        ahead = time.time() - (seconds + microseconds / 1e6)
        return limited(abs(ahead), CLOCK_LIMIT, "s between the clocks here and there", "warning")

    async def _keys(self) -> Found:
        pipeline = self._client.pipeline(transaction=False)
        for key in KEY_TYPES:
            pipeline.type(key)
        kinds = zip(KEY_TYPES.items(), await pipeline.execute(), strict=True)
        wrong = [
            f"{key} is a {kind}, not a {wanted}"
            for (key, wanted), kind in kinds
            if kind not in (wanted, "none")
        ]
        return Found("critical", "; ".join(wrong)) if wrong else Found("ok", "of their types")

    async def _garbage(self) -> Found:
        length = float(await self._client.scard(GARBAGE))
        return limited(length, 0, "unreadable entries set aside", "warning")

    async def _load(self, measure: Callable[[], float], limit: float) -> Found:
        return limited(float(await in_thread(measure, self._seconds)), limit, "%", "warning")

    async def _history(self) -> Found:
        found = self._client.scan_iter(match=HISTORY + "*", count=500)
        keys = sorted({str(key) async for key in found})
        damaged: list[str] = []
        for at in range(0, len(keys), HISTORIES_AT_ONCE):
            damaged += await self._damaged(keys[at : at + HISTORIES_AT_ONCE])
        if damaged:
            return Found("critical", f"{len(damaged)} of {len(keys)} damaged; {damaged[0]}")
        return Found("ok", f"{len(keys)} well-formed")

    async def _damaged(self, keys: Sequence[str]) -> list[str]:
        """The histories that are, each with what is wrong; they are read in one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
            pipeline.ttl(key)
            pipeline.lrange(key, 0, HISTORY_ENTRIES)
        replies = await pipeline.execute(raise_on_error=False)
        facts = zip(keys, replies[::3], replies[1::3], replies[2::3], strict=True)
        faults = ((key, _fault(*each)) for key, *each in facts)
        return [f"{key.removeprefix(HISTORY)}: {fault}" for key, fault in faults if fault]


def _fault(kind: Any, ttl: Any, lines: Any) -> str:
    """What is wrong with a history, empty if nothing; the three are Redis' replies."""
    if not isinstance(kind, Exception) and kind != "list":
        return "" if kind == "none" else f"a {kind}, not a list"
    for reply in (kind, ttl, lines):
        if isinstance(reply, Exception):
            raise reply
    if ttl == -1:
        return "never expires"
    if len(lines) > HISTORY_ENTRIES:
        return f"more than {HISTORY_ENTRIES} entries"
    bad = [number for number, line in enumerate(lines, start=1) if not _well_formed(str(line))]
    return f"entry {bad[0]} is not a line of a conversation" if bad else ""


def _well_formed(line: str) -> bool:
    try:
        entry = loads(line)
    except ValueError:
        return False
    return (
        isinstance(entry, dict)
        and entry.get("role") in ("user", "companion")
        and isinstance(entry.get("text"), str)
        and bool(entry["text"].strip())
    )
