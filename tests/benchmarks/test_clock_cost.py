"""What a day of virtual time costs: `make bench` prints the figures that the README states."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import time
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.clock import virtual_clock
from pytest_nadia.redis.process import run_front

if TYPE_CHECKING:
    from pytest_nadia.redis.process import Front

pytestmark = pytest.mark.slow

DAYS = 100
PERIODS = {"five minutes": 300, "ten minutes": 600, "four hours": 14_400, "twelve hours": 43_200}
cpu_seconds = time.process_time


async def live_a_day() -> str:
    """The hash of what a daemon with four schedules does in 24 hours."""
    started, events = time.time(), []

    async def repeat(name: str, period: float) -> None:
        while True:
            events.append(f"{time.time() - started:.3f} {name}")
            await asyncio.sleep(period)

    tasks = [asyncio.create_task(repeat(*each)) for each in PERIODS.items()]
    await asyncio.sleep(86_399)
    for task in tasks:
        task.cancel()
    assert len(events) == 440
    return hashlib.sha256("\n".join(events).encode()).hexdigest()


def test_a_day_of_a_daemon() -> None:
    seconds, hashes = [], set()
    with virtual_clock():
        for _ in range(DAYS):
            before = cpu_seconds()
            hashes.add(asyncio.run(live_a_day()))
            seconds.append(cpu_seconds() - before)
    print(f"\n24 hours of a daemon with four schedules, {DAYS} times: {len(hashes)} event hash")
    print(f"  {1000 * statistics.median(seconds):.1f} ms CPU, at most {1000 * max(seconds):.1f}")
    assert len(hashes) == 1


async def ping_all_day(front: Front) -> int:
    from redis.asyncio import Redis

    late = 0
    async with Redis(port=front.port, socket_timeout=None) as client:
        for _ in range(300):
            try:
                await asyncio.wait_for(client.ping(), 5)
            except TimeoutError:
                late += 1
            await asyncio.sleep(288)
    return late


def test_a_day_of_pings() -> None:
    with run_front("embedded") as front, virtual_clock() as clock:
        clock.follow(front)
        before = cpu_seconds()
        late = asyncio.run(ping_all_day(front))
        spent = cpu_seconds() - before
    print("\n300 PINGs over 24 hours, each with a time-out of 5 s, on the embedded Redis:")
    print(f"  {late} time-outs, {1000 * spent:.0f} ms CPU")
    assert late == 0
