"""The bot's data in Redis: atomic steps that do nothing when they are applied a second time."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from companion.constants import EPOCH, GARBAGE, KEY_TYPES
from companion.errors import StateLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redis.asyncio import Redis

Arguments = list[str | float]

log = logging.getLogger("companion")

# Every script begins so: if Redis was emptied since the start, nothing is written into it.
_SAME_DATA = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end\n"


class State:
    """Runs scripts against the data set that this process found when it started."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self._epoch = ""

    async def open(self) -> None:
        """Check the shared keys and mark the data set. Raises StateLost if it is not ours."""
        pipeline = self.client.pipeline(transaction=False)
        for key in KEY_TYPES:
            pipeline.type(key)
        kinds = map(str, await pipeline.execute())
        for (key, wanted), kind in zip(KEY_TYPES.items(), kinds, strict=True):
            if kind not in (wanted, "none"):
                raise StateLost(
                    f"the Redis key {key} holds a {kind}, not a {wanted}: something else wrote it; "
                    f"rename it (redis-cli RENAME {key} {key}.old) and start again"
                )
        await self.client.set(EPOCH, uuid.uuid4().hex, nx=True)
        self._epoch = str(await self.client.get(EPOCH))

    async def run(self, script: str, keys: Sequence[str], *args: str | float) -> str:
        """Run `script` with EPOCH before its keys and the epoch before its arguments."""
        run = self.client.register_script(_SAME_DATA + script)
        answer = str(await run(keys=[EPOCH, *keys], args=[self._epoch, *args]))
        if answer == "lost":
            raise _lost()
        return answer

    async def check(self) -> None:
        """Raises StateLost if Redis was emptied: finding nothing there then means nothing."""
        if await self.client.get(EPOCH) != self._epoch:
            raise _lost()

    async def text(self, key: str) -> str:
        """The string at `key`, empty if there is none."""
        return str(await self._read(key, self.client.get, None) or "")

    async def lines(self, key: str, most: int = 0) -> list[str]:
        """The first `most` entries of the list at `key`, by default all of them."""
        found = await self._read(key, lambda k: self.client.lrange(k, 0, most - 1), [])
        return [str(line) for line in found]

    async def fields(self, key: str) -> dict[str, str]:
        """The hash at `key`."""
        (found,) = await self.hashes([key])
        return found

    async def hashes(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """The hashes at `keys`, in one round trip."""
        pipeline = self.client.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(key)
        replies = await pipeline.execute(raise_on_error=False) if keys else []
        found = [await self._checked(*pair, {}) for pair in zip(keys, replies, strict=True)]
        return [{str(name): str(value) for name, value in one.items()} for one in found]

    async def garbage(self, key: str, entry: str) -> None:
        """Keep an entry that nobody can read where a person can look at it."""
        await self.check()
        log.error("unreadable entry in %s, moved to %s", key, GARBAGE)
        await self.client.sadd(GARBAGE, f"{key} {entry}")

    async def _read(self, key: str, command: Callable[[str], Awaitable[Any]], empty: Any) -> Any:
        """`await command(key)`; a key of a foreign type is set aside and read as `empty`."""
        try:
            return await command(key)
        except ResponseError as error:
            return await self._checked(key, error, empty)

    async def _checked(self, key: str, reply: Any, empty: Any) -> Any:
        """`reply`, raised if it is an error that says anything but that the type is foreign."""
        if not isinstance(reply, Exception):
            return reply
        if not (isinstance(reply, ResponseError) and "WRONGTYPE" in str(reply)):
            raise reply
        await self._set_aside(key)
        return empty

    async def _set_aside(self, key: str) -> None:
        log.error("the Redis key %s holds a foreign type, renamed to %s:%s", key, GARBAGE, key)
        try:
            await self.client.rename(key, f"{GARBAGE}:{key}")
        except ResponseError as error:
            if "no such key" not in str(error):
                raise


def _lost() -> StateLost:
    return StateLost(
        "Redis lost its data while the bot was running: start the bot again, and it "
        "takes every message again that the source repeats and sends none twice"
    )
