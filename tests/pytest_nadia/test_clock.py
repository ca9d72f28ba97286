"""One time for the loop, the clocks and the threads: it jumps, and nobody is told a wrong one."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from pytest_nadia.clock import ClockError, virtual_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.clock import VirtualClock

START = datetime(2030, 3, 30, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with virtual_clock(START) as one:
        yield one


def everything() -> list[float]:
    return [time.time(), time.monotonic(), time.perf_counter(), datetime.now().timestamp()]


# The clocks


def test_all_clocks_stand_still_and_go_on_together(clock: VirtualClock) -> None:
    before = everything()
    assert everything() == before
    clock.advance(hours=24, minutes=1, seconds=0.5)
    gone = [after - was for after, was in zip(everything(), before, strict=True)]
    assert gone == pytest.approx([86_460.5] * 4)
    assert clock.now() == START + timedelta(days=1, minutes=1, seconds=0.5)


def test_the_wall_clock_alone_is_put_back(clock: VirtualClock) -> None:
    steady = time.monotonic()
    clock.step(-3600)
    assert clock.now() == START - timedelta(hours=1)
    assert time.monotonic() == steady


def test_many_small_steps_make_a_whole_day(clock: VirtualClock) -> None:
    before = time.monotonic_ns()
    for _ in range(86_400 // 60):
        clock.advance(60)
    assert time.monotonic_ns() - before == 86_400_000_000_000


def test_local_time_follows_the_zone_and_its_summer_time(clock: VirtualClock) -> None:
    clock.zone("Europe/Madrid")
    assert datetime.now().hour == 13
    clock.advance(hours=13)
    assert (datetime.now().hour, time.localtime().tm_isdst) == (3, 1)
    with pytest.raises(ValueError, match="no time zone 'Europe/Nowhere'"):
        clock.zone("Europe/Nowhere")


def test_everything_is_real_again_afterwards() -> None:
    zone = time.tzname
    before = time.monotonic()
    with virtual_clock() as clock:
        clock.zone("Asia/Tokyo")
        clock.advance(days=1000)
    assert time.monotonic() - before < 86_400
    assert abs(datetime.now(UTC).timestamp() - time.time()) < 60
    assert time.tzname == zone
    assert time.sleep.__module__ == "time"


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(clock: VirtualClock, seconds: float) -> None:
    with pytest.raises(ValueError, match="advance takes"):
        clock.advance(seconds)


def test_there_is_one_clock(clock: VirtualClock) -> None:
    with pytest.raises(ClockError, match="at work already"), virtual_clock():
        pass
    clock.advance(1)


def test_sleeping_moves_the_clock_and_waits_for_nobody(clock: VirtualClock) -> None:
    time.sleep(3600)
    assert clock.now() == START + timedelta(hours=1)
    with pytest.raises(ValueError, match="non-negative"):
        time.sleep(-1)


# The event loop


def in_loop(seconds: float) -> float:
    async def sleep() -> float:
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        return asyncio.get_running_loop().time() - started

    return asyncio.run(sleep())


def test_a_sleep_ends_exactly_when_it_is_due(clock: VirtualClock) -> None:
    assert in_loop(0.25) == pytest.approx(0.25, abs=1e-8)
    assert in_loop(86_400) == pytest.approx(86_400, abs=1e-8)
    assert clock.now() - START < timedelta(days=1, seconds=0.26)


def test_a_time_out_ends_what_never_comes(clock: VirtualClock) -> None:
    async def wait() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 5)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    assert clock.now() == START + timedelta(seconds=5)


def test_cancelled_timers_hold_up_nothing(clock: VirtualClock) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        for handle in [loop.call_later(number, print) for number in range(1, 300)]:
            handle.cancel()
        await asyncio.sleep(1000)

    asyncio.run(story())
    assert clock.now() == START + timedelta(seconds=1000)


async def run_daemon() -> tuple[int, str]:
    """24 hours of four schedules: how many runs there were, and their hash."""
    started, events = time.time(), []

    async def repeat(name: str, period: float) -> None:
        while True:
            events.append(f"{time.time() - started:.3f} {name}")
            await asyncio.sleep(period)

    periods = {"a": 300, "b": 600, "c": 14_400, "d": 43_200}
    tasks = [asyncio.create_task(repeat(*each)) for each in periods.items()]
    await asyncio.sleep(86_399)
    for task in tasks:
        task.cancel()
    return len(events), hashlib.sha256("\n".join(events).encode()).hexdigest()


def test_a_day_of_a_daemon_is_the_same_each_time(clock: VirtualClock) -> None:
    runs = {asyncio.run(run_daemon()) for _ in range(20)}
    assert [number for number, _ in runs] == [288 + 144 + 6 + 2]


# Threads


def test_no_time_passes_while_a_job_runs_in_a_thread(clock: VirtualClock) -> None:
    def work() -> int:
        return sum(range(2_000_000))

    async def story() -> None:
        for _ in range(20):
            await asyncio.wait_for(asyncio.to_thread(work), 0.001)

    asyncio.run(story())
    assert clock.now() == START


def test_a_job_that_sleeps_wakes_at_its_time(clock: VirtualClock) -> None:
    async def story() -> list[float]:
        before = time.monotonic()

        def nap(seconds: float) -> float:
            time.sleep(seconds)
            return time.monotonic() - before

        return await asyncio.gather(*(asyncio.to_thread(nap, each) for each in (30, 10, 20)))

    assert asyncio.run(story()) == pytest.approx([30, 10, 20], abs=1e-6)
    assert clock.now() == START + timedelta(seconds=30)


def test_a_job_that_sleeps_too_long_is_given_up_in_time(clock: VirtualClock) -> None:
    async def story() -> float:
        before = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(time.sleep, 60), 5)
        return time.monotonic() - before

    assert asyncio.run(story()) == pytest.approx(5, abs=1e-6)


def test_measuring_the_processor_over_an_interval_is_virtual_too(clock: VirtualClock) -> None:
    async def story() -> None:
        await asyncio.wait_for(asyncio.to_thread(psutil.cpu_percent, 60), 61)

    asyncio.run(story())
    assert clock.now() == START + timedelta(seconds=60)


def test_a_thread_that_sleeps_again_and_again_keeps_up(clock: VirtualClock) -> None:
    woken = []

    def work() -> None:
        for _ in range(10):
            time.sleep(60)
            woken.append(time.monotonic())

    async def story() -> None:
        before = time.monotonic()
        thread = threading.Thread(target=work)
        thread.start()
        await asyncio.sleep(3600)
        thread.join()
        assert [round(each - before) for each in woken] == [60 * (n + 1) for n in range(10)]

    asyncio.run(story())


def test_a_thread_s_sleeps_do_not_move_the_clock_of_others(clock: VirtualClock) -> None:
    over = threading.Event()

    def poll() -> None:
        while not over.is_set():
            time.sleep(0.1)

    thread = threading.Thread(target=poll)
    thread.start()
    before = time.monotonic()
    assert sum(range(3_000_000)) > 0
    assert time.monotonic() == before
    over.set()
    clock.advance(1)
    thread.join()


def test_to_wait_for_a_thread_that_sleeps_lets_time_pass(clock: VirtualClock) -> None:
    before = time.monotonic()
    threads = [threading.Thread(target=time.sleep, args=(seconds,)) for seconds in (60, 3600)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - before == pytest.approx(3600, abs=1e-6)


def test_who_polls_the_time_sees_it_pass(clock: VirtualClock) -> None:
    async def story() -> None:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            await asyncio.sleep(0)

    asyncio.run(story())


def test_two_loops_in_two_threads_share_the_time(clock: VirtualClock) -> None:
    def other(found: list[float]) -> None:
        found.append(in_loop(1000))

    async def story() -> None:
        found: list[float] = []
        thread = threading.Thread(target=other, args=(found,))
        thread.start()
        await asyncio.sleep(500)
        while thread.is_alive():
            await asyncio.sleep(100)
        assert found == [pytest.approx(1000, abs=1e-6)]

    asyncio.run(story())


def test_other_connections_are_given_time_to_answer(clock: VirtualClock) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            assert await asyncio.wait_for(reader.readline(), 1) == b"hello\n"
            writer.close()
            await asyncio.sleep(3600)
        server.close()
        await server.wait_closed()

    asyncio.run(story())


def test_a_clock_inside_a_running_loop_takes_it_over() -> None:
    async def story() -> None:
        with virtual_clock(START) as clock:
            await asyncio.sleep(3600)
            assert clock.now() == START + timedelta(hours=1)

    asyncio.run(story())


def test_timers_that_are_older_than_the_clock_wait_as_long_by_it() -> None:
    loop = asyncio.new_event_loop()
    order: list[int] = []
    for seconds in (7200, 3600, 1):
        loop.call_later(seconds, order.append, seconds)
    with virtual_clock() as clock:
        before = clock.monotonic()
        loop.call_later(5, order.append, 5)
        loop.run_until_complete(asyncio.sleep(7201))
        assert clock.monotonic() - before == pytest.approx(7201, abs=1)
    loop.close()
    assert order == [1, 5, 3600, 7200]


def test_timers_that_outlive_the_clock_are_due_in_real_time() -> None:
    async def story() -> None:
        with virtual_clock() as clock:
            task = asyncio.create_task(asyncio.sleep(7200.01))
            await asyncio.sleep(3600)
            clock.advance(hours=1)
        await asyncio.wait_for(task, 20)

    asyncio.run(story())
