"""What the front notes of commands: exact, in order, whatever the client sends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.wire import CommandRecord

    Connect = Callable[..., Any]
    Receive = Callable[[int], list[bytes]]


@pytest.fixture
def noted(front: Front) -> Callable[[], list[CommandRecord]]:
    """The commands since the test began, without those of a client's set-up."""
    mark = front.mark()
    return lambda: [one for one in front.records(mark) if not one.handshake]


Noted = "Callable[[], list[CommandRecord]]"


def trips(records: list[CommandRecord]) -> list[int]:
    """Commands in each round trip."""
    numbers = [one.trip for one in records]
    return [numbers.count(trip) for trip in dict.fromkeys(numbers)]


def test_a_command_is_noted_whole(
    connect: Connect, noted: Callable[[], list[CommandRecord]]
) -> None:
    connect(db=3).set("user:1", "ana", ex=60)
    (one,) = noted()
    assert (one.name, one.key, one.database) == ("SET", b"user:1", 3)
    assert one.arguments == (b"user:1", b"ana", b"EX", b"60")
    assert one.request_bytes == len(
        b"*5\r\n$3\r\nSET\r\n$6\r\nuser:1\r\n$3\r\nana\r\n$2\r\nEX\r\n$2\r\n60\r\n"
    )
    assert (one.reply, one.reply_bytes, one.outcome) == (b"+OK\r\n", 5, "ok")
    assert one.seconds > 0


@pytest.mark.parametrize("size", [1, 50, 3000])
def test_a_pipeline_is_one_round_trip_however_long(
    connect: Connect, noted: Callable[[], list[CommandRecord]], size: int
) -> None:
    client = connect()
    client.ping()
    for _ in range(3):
        with client.pipeline(transaction=False) as pipe:
            for number in range(size):
                pipe.set(f"key:{number}", number)
            pipe.execute()
    client.ping()
    assert trips(noted()) == [1, size, size, size, 1]


def test_a_transaction_is_one_round_trip(
    connect: Connect, noted: Callable[[], list[CommandRecord]]
) -> None:
    with connect().pipeline() as pipe:
        pipe.set("a", 1).get("a").execute()
    records = noted()
    assert [one.name for one in records] == ["MULTI", "SET", "GET", "EXEC"]
    assert {one.outcome for one in records} == {"ok"}
    assert trips(records) == [4]


def test_single_commands_are_a_round_trip_each(
    connect: Connect, noted: Callable[[], list[CommandRecord]]
) -> None:
    client = connect()
    for number in range(50):
        client.set("k", "x" * number * 200)
    assert trips(noted()) == [1] * 50


@pytest.mark.parametrize(
    ("lines", "outcomes"),
    [
        (b"SET a x\r\nINCR a\r\nNOPE\r\nGET\r\nGET a\r\n", "ok error rejected rejected ok"),
        (b"MULTI\r\nSET a 1\r\nDISCARD\r\n", "ok discarded ok"),
        (b"MULTI\r\nSET a 1\r\nNOPE\r\nEXEC\r\n", "ok discarded rejected error"),
        (b"MULTI\r\nSET a 1\r\n", "ok queued"),
        (b"WATCH a\r\nSET a 1\r\nMULTI\r\nGET a\r\nEXEC\r\n", "ok ok ok discarded ok"),
        (b"CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\n", "ok ok ok"),
    ],
)
def test_outcomes(
    plain: socket.socket,
    noted: Callable[[], list[CommandRecord]],
    lines: bytes,
    outcomes: str,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    plain.sendall(lines)
    expected = outcomes.split()
    eventually(lambda: [one.outcome for one in noted()] == expected)


def test_a_command_that_still_waits_is_unanswered(
    plain: socket.socket,
    noted: Callable[[], list[CommandRecord]],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    plain.sendall(b"BLPOP queue 0\r\n")
    eventually(lambda: [one.outcome for one in noted()] == ["unanswered"])


@pytest.mark.parametrize("protocol", [2, 3])
def test_messages_of_a_subscription_are_no_replies(
    connect: Connect, noted: Callable[[], list[CommandRecord]], protocol: int
) -> None:
    publisher = connect()
    client = connect(protocol=protocol)
    with client.pubsub() as listener:
        listener.subscribe("a", "b")
        listener.psubscribe("n*")
        for _ in range(3):
            assert listener.get_message(timeout=5)["type"].endswith("subscribe")
        publisher.publish("a", "x" * 300)
        assert listener.get_message(timeout=5)["type"] == "message"
        listener.ping()
        assert listener.get_message(timeout=5)["type"] == "pong"
        listener.unsubscribe()
        for _ in range(2):
            assert listener.get_message(timeout=5)["type"] == "unsubscribe"
    replied = {one.name: one for one in noted()}
    assert {name: one.outcome for name, one in replied.items()} == {
        "SUBSCRIBE": "ok",
        "PSUBSCRIBE": "ok",
        "PUBLISH": "ok",
        "PING": "ok",
        "UNSUBSCRIBE": "ok",
    }
    assert b"pong" in replied["PING"].reply.lower()


def test_what_a_library_sends_when_it_connects_is_marked(front: Front, connect: Connect) -> None:
    mark = front.mark()
    connect(db=2, client_name="me").get("k")
    records = front.records(mark)
    assert records[-1].name == "GET"
    assert {one.handshake for one in records[:-1]} == {True}
    assert {"HELLO", "SELECT", "CLIENT SETNAME"} <= {one.name for one in records[:-1]}


def test_a_long_argument_is_noted_shortened(
    connect: Connect, noted: Callable[[], list[CommandRecord]]
) -> None:
    connect().set("k", "x" * 5000)
    (one,) = noted()
    assert one.arguments == (b"k", b"x" * 256)
    assert one.request_bytes > 5000
