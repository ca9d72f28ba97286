"""The sinks under the virtual clock, with clients of every kind."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.clock import virtual_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from pytest_nadia.alerts.sink_http import HttpSink
    from pytest_nadia.alerts.sinks import AlertSinks
    from pytest_nadia.clock import VirtualClock

START = 1_800_000_000.0


@pytest.fixture
def clock(sinks: AlertSinks) -> Iterator[VirtualClock]:
    with virtual_clock(START) as clock:
        clock.follow(sinks.time)
        yield clock


async def post_async(sink: HttpSink) -> str:
    """The status line, or "" if the connection was closed without one."""
    body = json.dumps({"text": "hello"})
    reader, writer = await asyncio.open_connection(sink.host, sink.port)
    head = "Host: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"POST {sink.path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode())
    writer.write(body.encode())
    try:
        return (await reader.read()).partition(b"\r\n")[0].decode()
    finally:
        writer.close()


def test_arrivals_have_virtual_times(
    sinks: AlertSinks, clock: VirtualClock, post: Callable[..., Any]
) -> None:
    post(sinks.slack.url, {"text": "first"})
    clock.advance(hours=1)
    post(sinks.slack.url, {"text": "second"})
    assert [one.at for one in sinks.received] == [START, START + 3600]


def test_answers_are_waited_for(sinks: AlertSinks, clock: VirtualClock) -> None:
    async def day() -> None:
        for _ in range(50):
            await asyncio.wait_for(post_async(sinks.slack), 5)
            await asyncio.sleep(1800)

    asyncio.run(day())
    assert [one.at - START for one in sinks.received] == [1800 * n for n in range(50)]


def test_a_delay_is_virtual_in_an_event_loop(sinks: AlertSinks, clock: VirtualClock) -> None:
    with sinks.slack.delay(3600):
        assert asyncio.run(asyncio.wait_for(post_async(sinks.slack), 4000)) == "HTTP/1.1 200 OK"
    assert clock.time() - START == pytest.approx(3600, abs=0.001)


def test_a_delay_longer_than_a_client_waits_is_told_from_a_short_one(
    sinks: AlertSinks, clock: VirtualClock
) -> None:
    with sinks.slack.delay(5), pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(post_async(sinks.slack), 2))
    assert clock.time() - START == pytest.approx(2, abs=0.001)
    assert sinks.received[0].delivered


def test_a_hang_ends_with_the_client_s_patience(sinks: AlertSinks, clock: VirtualClock) -> None:
    with sinks.slack.hang(), pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(post_async(sinks.slack), 30))
    assert clock.time() - START == pytest.approx(30, abs=0.001)


@pytest.mark.parametrize("kind", ["hang", "delay"])
def test_time_passes_while_somebody_is_kept_waiting(
    sinks: AlertSinks, clock: VirtualClock, kind: str
) -> None:
    async def give_up_and_go_on() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(post_async(sinks.slack), 30)
        await asyncio.sleep(3600)

    arguments = [100_000] if kind == "delay" else []
    with getattr(sinks.slack, kind)(*arguments):
        asyncio.run(give_up_and_go_on())
    assert clock.time() - START == pytest.approx(3630, abs=0.001)


def test_time_passes_while_a_connection_is_kept(sinks: AlertSinks, clock: VirtualClock) -> None:
    async def keep() -> None:
        _, http = await asyncio.open_connection(sinks.slack.host, sinks.slack.port)
        reader, smtp = await asyncio.open_connection(sinks.smtp.host, sinks.smtp.port)
        await reader.readline()
        await asyncio.sleep(3600)
        http.close()
        smtp.close()

    asyncio.run(keep())
    assert clock.time() - START == pytest.approx(3600, abs=0.001)


async def converse(sinks: AlertSinks) -> list[str]:
    """The codes with which each step of sending a mail is answered."""
    reader, writer = await asyncio.open_connection(sinks.smtp.host, sinks.smtp.port)
    try:
        return [code async for code in _codes(reader, writer)]
    finally:
        writer.close()


async def _codes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[str]:
    yield (await reader.readline()).decode()[:3]
    mail = "From: a@example.org\r\nTo: b@example.org\r\nSubject: s\r\n\r\nbody\r\n."
    for line in ("HELO a", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", mail):
        writer.write(f"{line}\r\n".encode())
        yield (await reader.readline()).decode()[:3]


def test_mail_is_waited_for_too(sinks: AlertSinks, clock: VirtualClock) -> None:
    async def day() -> None:
        for _ in range(20):
            said = await asyncio.wait_for(converse(sinks), 5)
            assert said == ["220", "250", "250", "250", "354", "250"]
            await asyncio.sleep(3600)

    asyncio.run(day())
    assert [one.at - START for one in sinks.received] == [3600 * n for n in range(20)]


def test_a_slow_mail_server_is_slow_in_virtual_time(sinks: AlertSinks, clock: VirtualClock) -> None:
    with sinks.smtp.delay(600):
        assert asyncio.run(asyncio.wait_for(converse(sinks), 700))[-1] == "250"
    assert clock.time() - START == pytest.approx(600, abs=0.001)
    with sinks.smtp.black_hole(), pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(converse(sinks), 60))
    assert clock.time() - START == pytest.approx(660, abs=0.001)


def test_a_client_without_an_event_loop_waits_too(
    sinks: AlertSinks, clock: VirtualClock, post: Callable[..., Any]
) -> None:
    with sinks.slack.delay(3600):
        assert post(sinks.slack.url, {"text": "hello"}, timeout=30).status == 200
    assert clock.time() - START == pytest.approx(3600, abs=0.001)


def test_sinks_that_start_under_the_clock_answer(post: Callable[..., Any]) -> None:
    from pytest_nadia.alerts.sinks import alert_sinks

    with virtual_clock(START) as clock, alert_sinks() as sinks:
        clock.follow(sinks.time)
        assert post(sinks.slack.url, {"text": "hello"}).status == 200
        assert asyncio.run(asyncio.wait_for(converse(sinks), 5))[-1] == "250"
        with sinks.smtp.delay(600):
            assert asyncio.run(asyncio.wait_for(converse(sinks), 700))[-1] == "250"
        clock.advance(days=1)
        assert asyncio.run(asyncio.wait_for(converse(sinks), 5))[-1] == "250"


def test_without_following_answers_come_in_time_too(sinks: AlertSinks) -> None:
    with virtual_clock(START):
        assert asyncio.run(asyncio.wait_for(post_async(sinks.slack), 5)) == "HTTP/1.1 200 OK"
        assert sinks.received[0].at == START
