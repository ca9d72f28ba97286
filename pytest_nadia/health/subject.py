"""A check as the matrix calls it: a function, a coroutine function, an object, a command."""

from __future__ import annotations

import asyncio
import inspect
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_nadia.health.names import load_object
from pytest_nadia.health.reading import Reading, read, read_exit

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

Check: TypeAlias = Callable[..., Any] | str | Sequence[str] | object

_METHODS = ("check", "check_all", "run", "check_health", "health_check")
_NAME = re.compile(r"[\w.]+:[\w.]+")
_URLS = ("url", "redis_url")
_CLIENTS = ("client", "redis", "redis_client", "connection")
_TRACEBACK = "Traceback (most recent call last)"


class CheckCrashedError(Exception):
    """A command that crashed instead of giving a result."""


class Subject:
    """What is checked by faults. Raises ValueError for what cannot be called."""

    def __init__(self, check: Check, url: str) -> None:
        self._url = url
        self._command = _as_command(check)
        self._call = None if self._command else _as_call(check)
        if self._call is not None:
            _refuse_unknown_arguments(self._call)

    @property
    def is_command(self) -> bool:
        return self._command is not None

    def run(self) -> Reading:
        """Call it once, and read what it gives."""
        if self._call is not None:
            return read(call(self._call, self._url))
        return _run_command(self._command or [])


def call(function: Callable[..., Any], url: str) -> Any:
    """What a function gives, awaited where that is needed, with the Redis as it asks for it."""
    if _is_asynchronous(function):
        return asyncio.run(_called_asynchronously(function, url))
    with ExitStack() as stack:
        arguments = [
            url if name in _URLS else stack.enter_context(_client(url))
            for name in _needed(function)
        ]
        result = function(*arguments)
        return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _called_asynchronously(function: Callable[..., Any], url: str) -> Any:
    async with AsyncExitStack() as stack:
        arguments = [
            url if name in _URLS else await stack.enter_async_context(_async_client(url))
            for name in _needed(function)
        ]
        return await function(*arguments)


def _client(url: str) -> Redis:
    from redis import Redis

    return Redis.from_url(url)


def _async_client(url: str) -> AsyncRedis:
    from redis.asyncio import Redis as AsyncRedis

    return AsyncRedis.from_url(url)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _as_command(check: Check) -> list[str] | None:
    if isinstance(check, str):
        return None if _NAME.fullmatch(check) else shlex.split(check)
    if isinstance(check, list | tuple) and check and all(isinstance(one, str) for one in check):
        return list(check)
    return None


def _as_call(check: Check) -> Callable[..., Any]:
    found = load_object(check) if isinstance(check, str) else check
    if isinstance(found, type):
        found = found()
    for name in _METHODS:
        method: Callable[..., Any] | None = getattr(found, name, None)
        if not inspect.isroutine(found) and callable(method):
            return method
    if callable(found):
        function: Callable[..., Any] = found
        return function
    raise ValueError(
        f"{found!r} cannot be called: pass a function, an object with a method check(), or a "
        "command as a list of words"
    )


def _is_asynchronous(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def _needed(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in kinds and one.default is one.empty]


def _refuse_unknown_arguments(function: Callable[..., Any]) -> None:
    for name in _needed(function):
        if name not in (*_URLS, *_CLIENTS):
            raise ValueError(
                f"the check asks for an argument {name!r}: the matrix gives {_URLS[0]} and "
                f"{_CLIENTS[0]}; wrap it in a function that knows the rest"
            )


def _run_command(command: list[str]) -> Reading:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise CheckCrashedError(f"{command[0]} cannot be started: {error.strerror}") from None
    output = done.stdout + done.stderr
    if done.returncode < 0 or _TRACEBACK in output:
        lines = output.strip().splitlines() or [f"signal {-done.returncode}"]
        raise CheckCrashedError(f"exit code {done.returncode}: {lines[-1]}")
    return read_exit(done.returncode, output)
