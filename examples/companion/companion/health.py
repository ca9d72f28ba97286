"""Is the bot's ground sound? Each probe has a deadline; what cannot be measured is not healthy."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import psutil

from companion.constants import (
    CPU_LIMIT,
    DISK_LIMIT,
    HISTORIES_AT_ONCE,
    HISTORY,
    HISTORY_ENTRIES,
    MEMORY_LIMIT,
    PROBE,
    PROBE_SECONDS,
    RAM_LIMIT,
    REVIEW,
    REVIEW_LIMIT,
    WRITE_AHEAD,
    WRITE_AHEAD_LIMIT,
)
from companion.message import loads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

Status = Literal["ok", "warning", "critical"]


@dataclass(frozen=True)
class Component:
    """One probe's result; `message` holds the value and its limit, or what went wrong."""

    name: str
    status: Status
    message: str


@dataclass(frozen=True)
class Report:
    """All components in a fixed order."""

    components: tuple[Component, ...]

    @property
    def healthy(self) -> bool:
        return all(one.status == "ok" for one in self.components)

    def lines(self) -> list[str]:
        """One line a component."""
        return [f"{one.status:<8}  {one.name:<12}  {one.message}" for one in self.components]


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


Probe = Callable[[], Awaitable[tuple[Status, str]]]


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
        probes: dict[str, Probe] = {
            "redis": self._redis,
            "memory": self._memory,
            "write-ahead": self._write_ahead,
            "review": self._review,
            "history": self._history,
            "cpu": lambda: self._load(self._machine.cpu, CPU_LIMIT),
            "ram": lambda: self._load(self._machine.ram, RAM_LIMIT),
            "disk": lambda: self._load(self._machine.disk, DISK_LIMIT),
        }
        found = await asyncio.gather(*(self._run(name, one) for name, one in probes.items()))
        return Report(tuple(found))

    async def _run(self, name: str, probe: Probe) -> Component:
        try:
            async with asyncio.timeout(self._seconds):
                status, message = await probe()
        except TimeoutError:
            return Component(name, "critical", f"no answer within {self._seconds:g} s")
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            return Component(name, "critical", f"cannot be measured: {reason}")
        return Component(name, status, message)

    async def _redis(self) -> tuple[Status, str]:
        await self._client.set(PROBE, "1", ex=10)
        return "ok", "answers and takes writes"

    async def _memory(self) -> tuple[Status, str]:
        info: dict[str, Any] = await self._client.info("memory")
        return _limit(float(info["used_memory"]) / 2**20, MEMORY_LIMIT / 2**20, "MB", "critical")

    async def _write_ahead(self) -> tuple[Status, str]:
        length = await self._client.hlen(WRITE_AHEAD)
        return _limit(float(length), WRITE_AHEAD_LIMIT, "messages", "warning")

    async def _review(self) -> tuple[Status, str]:
        length = await self._client.zcard(REVIEW)
        return _limit(float(length), REVIEW_LIMIT, "answers", "warning")

    async def _load(self, measure: Callable[[], float], limit: float) -> tuple[Status, str]:
        return _limit(await asyncio.to_thread(measure), limit, "%", "warning")

    async def _history(self) -> tuple[Status, str]:
        found = self._client.scan_iter(match=HISTORY + "*", count=500)
        keys = sorted({str(key) async for key in found})
        damaged: list[str] = []
        for at in range(0, len(keys), HISTORIES_AT_ONCE):
            damaged += await self._damaged(keys[at : at + HISTORIES_AT_ONCE])
        if damaged:
            return "critical", f"{len(damaged)} of {len(keys)} damaged; {damaged[0]}"
        return "ok", f"{len(keys)} well-formed"

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


def _limit(value: float, limit: float, unit: str, status: Status) -> tuple[Status, str]:
    message = f"{value:g} {unit} (limit {limit:g})"
    if math.isnan(value):
        return "critical", message
    return (status if value > limit else "ok"), message


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
