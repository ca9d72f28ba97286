"""The Redis of the tests keeps the virtual clock's time: nobody is told too late or too early."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.clock import VirtualClock
    from pytest_nadia.redis.faults import RedisFaults
    from pytest_nadia.redis.instance import RedisServer

on_both = pytest.mark.parametrize(
    "backend",
    [
        pytest.param("embedded", marks=pytest.mark.redis(backend="embedded")),
        pytest.param("server", marks=pytest.mark.redis(backend="server")),
    ],
)


@pytest.fixture
def client(redis_server: RedisServer) -> Any:
    return redis_server.client(socket_timeout=None)


@pytest.fixture
def asynchronous(redis_server: RedisServer) -> Any:
    return redis_server.async_client(socket_timeout=None)


@on_both
def test_a_key_expires_when_it_is_due(
    virtual_clock: VirtualClock, client: Any, backend: str
) -> None:
    client.set("a", 1, ex=600)
    virtual_clock.advance(599)
    assert client.get("a") == b"1"
    virtual_clock.advance(2)
    assert client.get("a") is None


@on_both
def test_a_key_expires_while_the_loop_sleeps(
    virtual_clock: VirtualClock, asynchronous: Any, backend: str
) -> None:
    async def story() -> None:
        await asynchronous.set("a", 1, ex=600)
        await asyncio.sleep(599)
        assert await asynchronous.get("a") == b"1"
        await asyncio.sleep(2)
        assert await asynchronous.get("a") is None

    asyncio.run(story())


def seconds_of(wait: Callable[[], object]) -> float:
    before = time.monotonic()
    assert wait() is None
    return time.monotonic() - before


async def passed(waiting: Any) -> float:
    before = time.monotonic()
    assert await waiting is None
    return time.monotonic() - before


def test_a_blocking_command_ends_when_its_time_is_over(
    virtual_clock: VirtualClock, asynchronous: Any
) -> None:
    assert asyncio.run(passed(asynchronous.blpop("queue", 30))) == pytest.approx(30, abs=1e-6)


def test_so_it_does_without_an_event_loop(virtual_clock: VirtualClock, client: Any) -> None:
    assert seconds_of(lambda: client.blpop("queue", 30)) == pytest.approx(30, abs=1e-6)


def test_and_in_a_thread_of_the_loop(virtual_clock: VirtualClock, client: Any) -> None:
    waiting = asyncio.to_thread(client.blpop, "queue", 30)

    async def story() -> tuple[float, float]:
        first = await passed(waiting)
        before = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(client.blpop, "queue", 30), 5)
        return first, time.monotonic() - before

    assert list(asyncio.run(story())) == pytest.approx([30, 5], abs=1e-6)


def test_who_blocks_is_woken_at_the_time_at_which_somebody_pushes(
    virtual_clock: VirtualClock, redis_server: RedisServer
) -> None:
    async def story() -> float:
        first: Any = redis_server.async_client(socket_timeout=None)
        second: Any = redis_server.async_client()
        waiting = asyncio.create_task(first.blpop("queue", 0))
        before = time.monotonic()
        await asyncio.sleep(77)
        await second.rpush("queue", "x")
        assert await waiting == (b"queue", b"x")
        return time.monotonic() - before

    assert asyncio.run(story()) == pytest.approx(77, abs=1e-6)


@on_both
@pytest.mark.parametrize(("delay", "outcome"), [(4.9, "answer"), (5.1, "time-out")])
def test_a_slow_answer_comes_in_virtual_time(
    virtual_clock: VirtualClock,
    asynchronous: Any,
    redis_faults: RedisFaults,
    backend: str,
    delay: float,
    outcome: str,
) -> None:
    async def story() -> tuple[str, float]:
        await asynchronous.ping()
        before = time.monotonic()
        with redis_faults.latency(delay):
            try:
                await asyncio.wait_for(asynchronous.ping(), 5)
            except TimeoutError:
                return "time-out", time.monotonic() - before
        return "answer", time.monotonic() - before

    what, seconds = asyncio.run(story())
    assert what == outcome
    assert seconds == pytest.approx(min(delay, 5), abs=1e-6)


@on_both
def test_one_that_hangs_answers_never(
    virtual_clock: VirtualClock, asynchronous: Any, redis_faults: RedisFaults, backend: str
) -> None:
    async def story() -> None:
        with redis_faults.hang(), pytest.raises(TimeoutError):
            await asyncio.wait_for(asynchronous.ping(), 86_400)

    asyncio.run(story())


@on_both
def test_a_slow_answer_without_an_event_loop(
    virtual_clock: VirtualClock, client: Any, redis_faults: RedisFaults, backend: str
) -> None:
    client.ping()
    before = time.monotonic()
    with redis_faults.latency(100):
        client.ping()
    assert time.monotonic() - before == pytest.approx(100, abs=1e-6)


def test_the_server_s_time_of_day_is_the_clock_s(virtual_clock: VirtualClock, client: Any) -> None:
    seconds, microseconds = client.time()
    assert seconds + microseconds / 1e6 == pytest.approx(virtual_clock.time(), abs=1e-3)
    virtual_clock.advance(days=365)
    assert client.time()[0] == pytest.approx(virtual_clock.time(), abs=1)


def test_afterwards_its_time_is_real_again(client: Any) -> None:
    assert client.time()[0] == pytest.approx(time.time(), abs=60)
    client.set("a", 1, px=20)
    time.sleep(0.1)
    assert client.get("a") is None


def burn() -> None:
    while True:
        pass


@pytest.fixture
def loaded_machine() -> Iterator[None]:
    burners = [multiprocessing.get_context("spawn").Process(target=burn) for _ in range(4)]
    for one in burners:
        one.start()
    yield
    for one in burners:
        one.kill()
        one.join()


async def ping_all_day(client: Any) -> int:
    for _ in range(300):
        await asyncio.wait_for(client.ping(), 5)
        await asyncio.sleep(288)
    return 300


def test_nobody_times_out_in_a_day(virtual_clock: VirtualClock, asynchronous: Any) -> None:
    before = virtual_clock.monotonic()
    assert asyncio.run(ping_all_day(asynchronous)) == 300
    assert virtual_clock.monotonic() - before == pytest.approx(86_400, abs=1e-3)


@pytest.mark.slow
@on_both
@pytest.mark.usefixtures("loaded_machine")
def test_nobody_does_on_a_loaded_machine(
    virtual_clock: VirtualClock, asynchronous: Any, backend: str
) -> None:
    before = virtual_clock.monotonic()
    assert asyncio.run(ping_all_day(asynchronous)) == 300
    assert virtual_clock.monotonic() - before == pytest.approx(86_400, abs=1e-3)
