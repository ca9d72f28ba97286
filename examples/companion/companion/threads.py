"""Blocking work beside the event loop, with a deadline that holds whatever the work does."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    Result = TypeVar("Result")
    P = ParamSpec("P")


class _DaemonThreads(Executor):
    """A thread for each call; one that never ends does not keep the program from ending."""

    def submit(self, work: Callable[P, Result], /, *a: P.args, **b: P.kwargs) -> Future[Result]:
        future: Future[Result] = Future()
        carry_out = partial(_carry_out, future, partial(work, *a, **b))
        Thread(target=carry_out, name="companion", daemon=True).start()
        return future


_THREADS = _DaemonThreads()


async def in_thread(work: Callable[[], Result], seconds: float) -> Result:
    """What `work` gives. Raises TimeoutError after `seconds`; its thread is then left behind."""
    async with asyncio.timeout(seconds):
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def _carry_out(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
