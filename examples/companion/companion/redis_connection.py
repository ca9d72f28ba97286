"""The one connection to Redis: opened when first used, always closed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from companion.constants import REDIS_RETRIES

if TYPE_CHECKING:
    from types import TracebackType


class RedisConnection:
    """An asynchronous context manager; `client` opens on first use and is closed on exit.

    A command is sent again when its reply does not arrive. That is safe here, and only here,
    because every command that the bot sends does nothing when it is applied a second time.
    """

    def __init__(self, url: str, seconds: float, retries: int = REDIS_RETRIES) -> None:
        self._url = url
        self._seconds = seconds
        self._retries = retries
        self._client: Redis | None = None

    @property
    def client(self) -> Redis:
        if self._client is None:
            self._client = Redis.from_url(
                self._url,
                decode_responses=True,
                socket_timeout=self._seconds,
                socket_connect_timeout=self._seconds,
                retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), self._retries),
            )
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def __aenter__(self) -> RedisConnection:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def explain(error: exceptions.RedisError, url: str) -> str:
    """One line for the operator: what Redis did, and what to do next."""
    where = address(url)
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return f"Redis at {where} refuses to log in: put user and password into REDIS_URL"
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
        return (
            f"Redis does not answer at {where}: start it (redis-server), "
            "or name another with --redis URL or REDIS_URL"
        )
    reason = " ".join(str(error).split())
    return f"Redis at {where} refuses a command: {reason}"


def address(url: str) -> str:
    """`url` without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
