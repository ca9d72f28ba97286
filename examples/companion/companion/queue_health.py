"""Are the queues short, and does nothing in them wait for longer than it should?

A message's age is told by the key that remembers its arrival: it lives a fixed time. Where that
key is gone, the time that the message carries tells it, if it is a time of day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from companion.constants import (
    REVIEW,
    REVIEW_AGE,
    REVIEW_LIMIT,
    SEEN,
    SEEN_SECONDS,
    WORK,
    WORK_AGE,
    WORK_LIMIT,
    WRITE_AHEAD,
    WRITE_AHEAD_AGE,
    WRITE_AHEAD_LIMIT,
)
from companion.message import Message
from companion.report import Found, limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redis.asyncio import Redis

# Transcripts count their own seconds; from 2001 on it is a time of day.
_A_TIME_OF_DAY = 1e9


@dataclass(frozen=True)
class QueueHealth:
    """The probes of the three queues that every message passes."""

    client: Redis

    async def write_ahead(self) -> Found:
        found = limited(
            float(await self.client.hlen(WRITE_AHEAD)), WRITE_AHEAD_LIMIT, "messages", "warning"
        )
        if found.status != "ok" or not found.value:
            return found
        stored = await self.client.hgetall(WRITE_AHEAD)
        messages = {str(name): _message(str(line)) for name, line in stored.items()}
        unreadable = [name for name, message in messages.items() if message is None]
        if unreadable:
            return Found("critical", f"{len(unreadable)} cannot be read; {unreadable[0]}")
        ages = await self._ages(list(messages))
        now = await self._now()
        told = (now - one.at for one in messages.values() if one and one.at > _A_TIME_OF_DAY)
        return _aged(found, [*ages, *told], WRITE_AHEAD_AGE)

    async def work(self) -> Found:
        length = float(await self.client.zcard(WORK))
        found = limited(length, WORK_LIMIT, "turns", "warning")
        return await self._oldest(found, WORK, WORK_LIMIT, WORK_AGE)

    async def review(self) -> Found:
        length = float(await self.client.zcard(REVIEW))
        found = limited(length, REVIEW_LIMIT, "answers", "warning")
        return await self._oldest(found, REVIEW, REVIEW_LIMIT, REVIEW_AGE)

    async def _oldest(self, found: Found, queue: str, most: int, limit: float) -> Found:
        if found.status != "ok" or not found.value:
            return found
        # A turn has the name of its first message.
        names = await self.client.zrange(queue, 0, most)
        return _aged(found, await self._ages([str(one) for one in names]), limit)

    async def _ages(self, names: Sequence[str]) -> list[float]:
        pipeline = self.client.pipeline(transaction=False)
        for name in names:
            pipeline.ttl(SEEN + name)
        left: list[Any] = await pipeline.execute() if names else []
        return [float(SEEN_SECONDS - one) for one in left if one >= 0]

    async def _now(self) -> float:
        seconds, _ = await self.client.time()
        return float(seconds)


def _aged(found: Found, ages: Iterable[float], limit: float) -> Found:
    oldest = max(ages, default=0.0)
    if oldest <= limit:
        return found
    message = f"the oldest waits for {oldest / 60:.0f} minutes (limit {limit / 60:g})"
    return Found("warning", message, found.value)


def _message(line: str) -> Message | None:
    try:
        return Message.from_json(line)
    except ValueError:
        return None
