"""One algorithm for synchronous and for asynchronous code: it asks for its calls to be made."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

Call: TypeAlias = Callable[[], object]
Steps: TypeAlias = Generator[Call, Any, T]


def is_asynchronous(call: object) -> bool:
    """Whether calling it gives a coroutine: an `async def`, a partial or an object of one."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004
    )


def check_call(taker: str, call: object) -> None:
    """Raises TypeError, on one line, for what cannot be called; `taker` is who was to call it."""
    if callable(call):
        return
    if inspect.iscoroutine(call):
        call.close()
        raise TypeError(f"{taker} takes an async function: pass it without calling it")
    raise TypeError(
        f"{taker} takes a function without arguments, such as lambda: client.incr('n'), "
        f"not {reprlib.repr(call)}"
    )


def describe_error(error: Exception) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def drive(steps: Steps[T]) -> T:
    """Make the calls that the algorithm asks for, and give its result.

    Raises TypeError if a call gives something to await.
    """
    try:
        call = next(steps)
        while True:
            try:
                result = _plain_result(call)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


async def drive_async(steps: Steps[T]) -> T:
    """The same in a running event loop, where what a call gives is awaited if it can be."""
    try:
        call = next(steps)
        while True:
            try:
                result = call()
                if inspect.isawaitable(result):
                    result = await result
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


@contextmanager
def bound(check: Callable[Concatenate[S, P], T], server: S) -> Iterator[Callable[P, T]]:
    """The check for one server. Raises AssertionError at the end if it was never awaited."""
    given: list[Coroutine[Any, Any, object]] = []

    @wraps(check)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        result = check(server, *args, **kwargs)
        if inspect.iscoroutine(result):
            given.append(result)
        return result

    yield checked
    forgotten = [one for one in given if inspect.getcoroutinestate(one) == inspect.CORO_CREATED]
    for one in forgotten:
        one.close()
    if forgotten:
        name = getattr(check, "__name__", "the check")
        raise AssertionError(
            f"{name}(...) was never awaited: nothing was tested. "
            "Write await before it, or asyncio.run(...) around it where the test is not async"
        )


def _plain_result(call: Call) -> object:
    result = call()
    if isinstance(result, Awaitable):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError("it gave something to await: pass an async function, not one that calls it")
    return result
