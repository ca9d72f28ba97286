"""Talks to Redis by one client library: a line of JSON in, a line of JSON out.

Its argument is the library, whose version it tells first. {"do": "open", "url": ...},
{"do": "run", "method": ..., "arguments": [...]} and {"do": "close"} are answered by
{"value": ...} or {"errors": [...]}. There are no retries, and what takes longer than half a
second times out.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack, suppress
from importlib import import_module
from typing import IO, Any
from urllib.parse import unquote, urlsplit

SECONDS = 0.5


class Blocking:
    """redis-py, in any version, and valkey-py."""

    def __init__(self, library: Any) -> None:
        self._library = library

    async def open(self, url: str) -> None:
        kind = getattr(self._library, "Redis", None) or self._library.Valkey
        retry = no_retry(self._library.__name__)
        self._client = kind.from_url(url, socket_timeout=SECONDS, retry=retry)

    async def run(self, method: str, arguments: list[Any]) -> Any:
        return getattr(self._client, method)(*arguments)

    async def close(self) -> None:
        self._client.close()


class Asynchronous(Blocking):
    """redis-py on asyncio."""

    async def run(self, method: str, arguments: list[Any]) -> Any:
        return await getattr(self._client, method)(*arguments)

    async def close(self) -> None:
        await self._client.aclose()


class Coredis:
    async def open(self, url: str) -> None:
        import coredis
        from coredis.retry import NoRetryPolicy

        self._stack = AsyncExitStack()
        client = coredis.Redis.from_url(
            url, stream_timeout=SECONDS, connect_timeout=SECONDS, retry_policy=NoRetryPolicy()
        )
        self._client = await self._stack.enter_async_context(client)

    async def run(self, method: str, arguments: list[Any]) -> Any:
        if method in ("eval", "evalsha"):
            arguments = arguments[:1]
        return await getattr(self._client, method)(*arguments)

    async def close(self) -> None:
        await self._stack.aclose()


class Glide:
    async def open(self, url: str) -> None:
        import glide

        place = urlsplit(url)
        password = place.password and glide.ServerCredentials(password=unquote(place.password))
        self._client = await glide.GlideClient.create(
            glide.GlideClientConfiguration(
                [glide.NodeAddress(place.hostname, place.port)],
                credentials=password or None,
                request_timeout=int(SECONDS * 1000),
                reconnect_strategy=glide.BackoffStrategy(0, 1, 2),
                advanced_config=glide.AdvancedGlideClientConfiguration(
                    connection_timeout=int(SECONDS * 1000)
                ),
            )
        )

    async def run(self, method: str, arguments: list[Any]) -> Any:
        return await self._client.custom_command([method.upper(), *map(str, arguments)])

    async def close(self) -> None:
        await self._client.close()


def no_retry(library: str) -> Any:
    retry = import_module(f"{library}.retry")
    backoff = import_module(f"{library.removesuffix('.asyncio')}.backoff")
    return retry.Retry(backoff.NoBackoff(), 0)


def adapter(name: str) -> Any:
    if name == "coredis":
        return Coredis()
    if name == "glide":
        return Glide()
    kind = Asynchronous if name.endswith(".asyncio") else Blocking
    return kind(import_module(name))


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in leaves(one)]
    return [error]


def described(error: BaseException) -> dict[str, str]:
    kind = type(error)
    return {"type": f"{kind.__module__}.{kind.__qualname__}", "text": str(error)}


def shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): shown(one) for name, one in value.items()}
    return value.decode() if isinstance(value, bytes) else value


async def answer(client: Any, order: dict[str, Any]) -> Any:
    if order["do"] == "open":
        await client.open(order["url"])
    elif order["do"] == "run":
        return shown(await client.run(order["method"], order["arguments"]))
    else:
        with suppress(Exception):
            await client.close()
    return None


def take_stdout() -> IO[str]:
    """What a library prints goes to the standard error; the answers alone go out."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers


async def main() -> None:
    answers = take_stdout()
    client = adapter(sys.argv[1])
    library = import_module(sys.argv[1].partition(".")[0])
    print(json.dumps({"value": getattr(library, "__version__", "")}), file=answers)
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            async with asyncio.timeout(10):
                answered = {"value": await answer(client, json.loads(line))}
        except Exception as error:
            answered = {"errors": [described(leaf) for leaf in leaves(error)]}
        print(json.dumps(answered), file=answers)


asyncio.run(main())
