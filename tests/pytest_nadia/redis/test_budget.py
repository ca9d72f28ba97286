"""The words for what took more commands or round trips than it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.redis.budget import check_budget, check_limits, count_round_trips
from pytest_nadia.redis.wire import CommandRecord

if TYPE_CHECKING:
    from collections.abc import Sequence


def record(
    name: str, key: bytes | None = None, *, trip: int = 1, handshake: bool = False
) -> CommandRecord:
    return CommandRecord(
        number=1,
        name=name,
        arguments=(),
        key=key,
        database=0,
        connection=1,
        trip=trip,
        request_bytes=20,
        reply_bytes=5,
        started=0.0,
        seconds=0.0,
        outcome="ok",
        reply=b"+OK\r\n",
        handshake=handshake,
    )


def one_by_one(*pairs: tuple[str, bytes | None]) -> list[CommandRecord]:
    return [record(name, key, trip=n) for n, (name, key) in enumerate(pairs)]


def test_within_the_budget_there_is_nothing_to_say() -> None:
    records = one_by_one(("GET", b"a"), ("GET", b"b"))
    assert check_budget(records, 2, 2) == ""
    assert check_budget(records, 2, None) == ""
    assert check_budget(records, None, 2) == ""


def test_equal_commands_are_folded_in_the_order_in_which_they_came() -> None:
    records = one_by_one(("SET", b"a"), *[("GET", b"user:1")] * 14, ("PING", None))
    assert check_budget(records, 3, 1).splitlines() == [
        "16 commands (the budget is 3), 16 round trips (the budget is 1):",
        "  SET a",
        "  GET user:1 x 14",
        "  PING",
    ]


def test_one_is_no_plural() -> None:
    assert check_budget([record("PING")], 0, 0).splitlines()[0] == (
        "1 command (the budget is 0), 1 round trip (the budget is 0):"
    )


def test_a_pipeline_is_one_round_trip() -> None:
    records = [record("SET", trip=7) for _ in range(50)] + [record("GET", trip=8)]
    assert count_round_trips(records) == 2
    assert check_budget(records, None, 2) == ""
    assert check_budget(records, None, 1).startswith("2 round trips (the budget is 1):")


def test_handshakes_cost_nothing() -> None:
    records = [record("HELLO", trip=1, handshake=True), record("GET", b"a", trip=2)]
    assert check_budget(records, 1, 1) == ""


def test_a_long_list_is_cut_and_the_rest_told_by_name() -> None:
    records = one_by_one(*(("GET", b"user:%d" % n) for n in range(100)), ("MGET", b"x"))
    lines = check_budget(records, 1, None).splitlines()
    assert len(lines) == 22
    assert lines[1] == "  GET user:0"
    assert lines[-1] == "  ... and 81 more: GET x 80, MGET"


def test_long_and_binary_keys_are_shown_in_one_line() -> None:
    records = one_by_one(("GET", b"\xff\x00\n" + b"k" * 100), ("GET", "grüß".encode()))
    first, second = check_budget(records, 0, None).splitlines()[1:]
    assert first.startswith(r"  GET \xff\x00\nkkk")
    assert first.endswith("kkk...")
    assert len(first) < 100
    assert second == "  GET grüß"


@pytest.mark.parametrize("records", [[], [record("HELLO", handshake=True)]])
def test_a_budget_that_saw_nothing_measured_nothing(records: Sequence[CommandRecord]) -> None:
    assert "measured nothing" in check_budget(records, 3, None)
    assert "measured nothing" in check_budget(records, None, 1)
    assert check_budget(records, 0, None) == ""
    assert check_budget(records, 3, 0) == ""


@pytest.mark.parametrize(
    ("commands", "round_trips"),
    [(None, None), (-1, None), (1, -1), (True, None), (1.5, None), ("3", None)],
)
def test_a_budget_that_is_none_is_refused(commands: Any, round_trips: Any) -> None:
    with pytest.raises(ValueError, match="budget") as caught:
        check_limits(commands, round_trips)
    assert "\n" not in str(caught.value)
