"""The fixture `virtual_clock` in other people's suites, whatever runs their asynchronous tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SUITE = """
import asyncio
import time
import pytest

{mark}
async def test_day(virtual_clock, async_redis_client):
    before = time.monotonic()
    await async_redis_client.set("a", 1, ex=3600)
    await asyncio.wait_for(async_redis_client.ping(), 5)
    await asyncio.sleep(3599)
    assert await async_redis_client.get("a")
    await asyncio.sleep(2)
    assert not await async_redis_client.get("a")
    assert 3601 <= time.monotonic() - before < 3601.001

{mark}
async def test_threads(virtual_clock):
    {thread}
    assert virtual_clock.monotonic() == time.monotonic()
"""
ASYNCIO_THREAD = "await asyncio.wait_for(asyncio.to_thread(sum, range(3_000_000)), 0.001)"
ANYIO_THREAD = """import anyio.to_thread
    with anyio.fail_after(0.001):
        await anyio.to_thread.run_sync(lambda: sum(range(3_000_000)))"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_under_pytest_asyncio(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], mode: str
) -> None:
    mark = "@pytest.mark.asyncio" if mode == "strict" else ""
    pytester.makepyfile(SUITE.format(mark=mark, thread=ASYNCIO_THREAD))
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    run_inner("-p", "asyncio", f"--asyncio-mode={mode}").assert_outcomes(passed=2)


@pytest.mark.parametrize("thread", [ASYNCIO_THREAD, ANYIO_THREAD])
def test_under_anyio(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], thread: str
) -> None:
    pytester.makepyfile(SUITE.format(mark="@pytest.mark.anyio", thread=thread))
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    run_inner("-p", "anyio").assert_outcomes(passed=2)
