from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.redis.session.divergence import command_text, explain
from pytest_nadia.redis.wire import CommandRecord

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("left", "right")
NOTHING_DIFFERS = ["no reply differs: the two differ in time, or the test in itself"]


@pytest.fixture
def record() -> Callable[..., CommandRecord]:
    def make(name: str, *arguments: bytes, reply: bytes, **more: Any) -> CommandRecord:
        facts: dict[str, Any] = {
            "number": 1,
            "key": None,
            "database": 0,
            "connection": 1,
            "trip": 1,
            "request_bytes": 1,
            "reply_bytes": len(reply),
            "started": 0.0,
            "seconds": 0.0,
            "outcome": "ok",
            "handshake": False,
        }
        return CommandRecord(name=name, arguments=arguments, reply=reply, **(facts | more))

    return make


def test_the_first_reply_that_differs_is_named(record: Callable[..., CommandRecord]) -> None:
    same = record("GET", b"a", reply=b"+1\r\n")
    left = [same, record("GET", b"b", reply=b"+1\r\n"), record("GET", b"c", reply=b"+1\r\n")]
    right = [same, record("GET", b"b", reply=b"$-1\r\n"), record("GET", b"c", reply=b"+2\r\n")]
    assert explain(left, right, NAMES) == [
        "the first command whose replies differ: GET b",
        "  left: 1",
        "  right: nil",
    ]


def test_handshakes_are_left_out(record: Callable[..., CommandRecord]) -> None:
    left = [record("HELLO", b"3", reply=b"+1\r\n", handshake=True)]
    assert explain(left, [], NAMES) == NOTHING_DIFFERS


@pytest.mark.parametrize("name", ["SMEMBERS", "HGETALL", "KEYS"])
def test_an_order_that_redis_does_not_promise_is_no_difference(
    record: Callable[..., CommandRecord], name: str
) -> None:
    left = record(name, b"a", reply=b"*2\r\n$1\r\na\r\n$1\r\nb\r\n")
    right = record(name, b"a", reply=b"*2\r\n$1\r\nb\r\n$1\r\na\r\n")
    assert explain([left], [right], NAMES) == NOTHING_DIFFERS
    other = record(name, b"a", reply=b"*2\r\n$1\r\nb\r\n$1\r\nc\r\n")
    assert explain([left], [other], NAMES) != NOTHING_DIFFERS


@pytest.mark.parametrize("name", ["INFO", "TIME", "CLIENT LIST", "XADD", "CONFIG GET"])
def test_what_differs_by_nature_is_named_only_if_nothing_else_does(
    record: Callable[..., CommandRecord], name: str
) -> None:
    left, right = record(name, reply=b"+1\r\n"), record(name, reply=b"+2\r\n")
    assert explain([left], [right], NAMES)[0].endswith(f"differ: {name}")
    get = [record("GET", b"a", reply=reply) for reply in (b"+1\r\n", b"+2\r\n")]
    named = explain([left, get[0]], [right, get[1]], NAMES)[0]
    assert named.endswith("differ: GET a")


def test_where_the_runs_part_ways_is_named(record: Callable[..., CommandRecord]) -> None:
    same = record("GET", b"a", reply=b"+1\r\n")
    left = [same, record("SET", b"a", b"1", reply=b"+OK\r\n"), same]
    right = [same, record("DEL", b"a", reply=b":1\r\n"), same]
    assert explain(left, right, NAMES) == [
        "no reply differs before the two runs send different commands:",
        "  left: SET a 1",
        "  right: DEL a",
    ]


def test_equal_commands_with_other_values_are_compared(
    record: Callable[..., CommandRecord],
) -> None:
    left = [record("SET", b"random-1", b"x", reply=b"+OK\r\n")]
    right = [record("SET", b"random-2", b"x", reply=b"-OOM\r\n")]
    assert explain(left, right, NAMES)[2] == "  right: (error) OOM"


def test_a_command_is_shown_on_one_short_line(record: Callable[..., CommandRecord]) -> None:
    line = command_text(record("SET", b"a\nb", b"\xff" + b"x" * 500, reply=b"+OK\r\n"))
    assert line.startswith("SET 'a\\nb' \\xffxxx")
    assert len(line) < 250


def test_a_command_is_one_short_line(record: Callable[..., CommandRecord]) -> None:
    short = record("SET", b"user:1", b"Ann", reply=b"+OK\r\n")
    long = record("MSET", *[b"x" * 1000] * 50, reply=b"+OK\r\n", outcome="lost")
    assert repr(short) == "<CommandRecord 1: SET b'user:1' b'Ann' (ok)>"
    assert len(repr(long)) < 120
    assert repr(long).endswith(" (lost)>")
