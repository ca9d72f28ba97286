from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.lints.repeated_command import find
from pytest_nadia.redis.settings import RedisSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord


def test_a_loop_of_round_trips(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = tuple(record(f"HGET user:7 field{number}") for number in range(21))

    [found] = find(evidence(records=records))

    assert (found.rule, found.message) == (
        "NAD404",
        "HGET was sent 21 times for 'user:7', each in a round trip of its own "
        "([tool.nadia.redis] repeated is 20)",
    )


def test_the_number_is_configured(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = tuple(record("GET a") for _ in range(3))

    assert find(evidence(records=records, settings=RedisSettings(repeated=2)))
    assert not find(evidence(records=records, settings=RedisSettings(repeated=3)))


def test_twenty_are_healthy(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    assert find(evidence(records=tuple(record("GET a") for _ in range(20)))) == []


def test_a_pipeline_of_a_thousand_is_healthy(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = tuple(record("RPUSH q x", trip=1) for _ in range(1000))

    assert find(evidence(records=records)) == []


def test_transactions_are_healthy(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    lines = ("MULTI", "RPUSH q x", "EXEC")
    records = tuple(record(line, trip=trip) for trip in range(50) for line in lines)

    assert find(evidence(records=records)) == []


def test_a_handshake_does_not_make_a_pipeline_of_a_trip(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = []
    for trip in range(30):
        records += [record("HELLO 3", trip=trip, handshake=True), record("GET a", trip=trip)]

    assert len(find(evidence(records=tuple(records)))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "BLPOP q 1",
        "XREAD BLOCK 1 STREAMS s $",
        "XREADGROUP GROUP g c STREAMS s >",
        "HSCAN h 5",
        "SCAN 5",
        "PING",
        "PUBLISH channel x",
    ],
)
def test_what_is_meant_to_repeat_is_healthy(
    line: str, evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    assert find(evidence(records=tuple(record(line) for _ in range(100)))) == []


def test_different_keys_and_databases_are_counted_apart(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    keys = [record(f"GET key:{number}") for number in range(100)]
    databases = [record("GET a", database=number) for number in range(16) for _ in range(10)]

    assert find(evidence(records=(*keys, *databases))) == []


def test_scripts_with_a_key_in_common_are_counted_apart(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    users = [record(f"EVALSHA {'a' * 40} 2 epoch user:{number} x") for number in range(30)]
    scripts = [record(f"EVALSHA {number:040} 2 epoch user:1 x") for number in range(30)]

    assert find(evidence(records=(*users, *scripts))) == []


@pytest.mark.parametrize("name", ["EVALSHA", "EVAL", "FCALL"])
def test_one_script_for_the_same_keys_is_repeated_whatever_its_values(
    name: str, evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = tuple(record(f"{name} script 2 epoch user:1 {number}") for number in range(21))

    assert len(find(evidence(records=records))) == 1


def test_answers_of_faults_are_not_counted(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = tuple(record("GET a", outcome="injected") for _ in range(100))

    assert find(evidence(records=records)) == []
