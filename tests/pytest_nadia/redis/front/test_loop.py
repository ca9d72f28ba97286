from __future__ import annotations

import socket
import time

import pytest

from pytest_nadia.redis.front.clock import Clock
from pytest_nadia.redis.front.loop import Loop


@pytest.fixture
def loop() -> Loop:
    return Loop(Clock())


def test_timers_run_in_their_order_and_not_before_their_time(loop: Loop) -> None:
    ran: list[tuple[str, bool]] = []
    start = loop.clock.now()

    def note(name: str, seconds: float) -> None:
        ran.append((name, loop.clock.now() >= start + seconds))

    loop.call_later(0.02, lambda: note("second", 0.02))
    loop.call_later(0.01, lambda: note("first", 0.01))
    loop.call_later(0.005, lambda: note("cancelled", 0.005)).cancel()
    loop.call_later(0.03, loop.stop)
    loop.run()
    assert ran == [("first", True), ("second", True)]


def test_a_cancelled_timer_does_not_keep_the_loop_awake_or_asleep(loop: Loop) -> None:
    loop.call_later(0.001, lambda: None).cancel()
    loop.call_later(1000, lambda: None).cancel()
    loop.call_later(0.01, loop.stop)
    before = time.process_time()
    loop.run()
    assert time.process_time() - before < 5


def test_advancing_runs_what_falls_due_on_the_way_at_its_time(loop: Loop) -> None:
    start, wall = loop.clock.now(), loop.clock.wall()
    ran: list[float] = []

    def again() -> None:
        ran.append(round(loop.clock.now() - start))
        if len(ran) < 3:
            loop.call_later(600, again)

    loop.call_later(600, again)
    loop.advance(1500)
    assert ran == [600, 1200]
    assert round(loop.clock.now() - start) == round(loop.clock.wall() - wall) == 1500
    loop.advance(400)
    assert ran == [600, 1200, 1800]


def test_a_socket_is_served_until_it_is_left_alone(loop: Loop) -> None:
    here, there = socket.socketpair()
    received: list[bytes] = []

    def read() -> None:
        received.append(here.recv(100))
        if len(received) == 2:
            loop.watch(here, None)
            loop.call_later(0.01, loop.stop)
        there.send(b"more")

    with here, there:
        there.send(b"one")
        loop.watch(here, read)
        loop.run()
        assert received == [b"one", b"more"]


def test_what_is_due_soon_runs_before_the_loop_waits(loop: Loop) -> None:
    loop.call_soon(lambda: loop.call_soon(loop.stop))
    loop.run()
