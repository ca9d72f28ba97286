from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.lints.blocking_command import find
from pytest_nadia.redis.settings import RedisSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord


@pytest.mark.parametrize(
    ("line", "message", "repair"),
    [
        ("KEYS *", "KEYS makes every other client wait; it was sent 2 times", "iterate with SCAN"),
        (
            "FLUSHALL",
            "FLUSHALL makes every other client wait; it was sent 2 times",
            "use FLUSHALL ASYNC; each test starts empty without it",
        ),
        ("SAVE", "SAVE makes every other client wait; it was sent 2 times", "use BGSAVE"),
    ],
)
def test_commands_that_always_block(
    line: str,
    message: str,
    repair: str,
    evidence: Callable[..., Evidence],
    record: Callable[..., CommandRecord],
) -> None:
    [found] = find(evidence(records=(record(line), record("GET a"), record(line))))

    assert (found.rule, found.message, found.help) == ("NAD403", message, repair)


@pytest.mark.parametrize(
    "line",
    [
        "LRANGE q 0 -1",
        "LRANGE q -1000000 1000000",
        "SMEMBERS q",
        "HKEYS q",
        "SUNION q r",
        "ZRANGE q 0 -1",
        "ZRANGE q -inf +inf BYSCORE",
        "ZRANGE q -inf +inf BYSCORE LIMIT 0 -1",
        "ZRANGEBYSCORE q -inf +inf",
        "XRANGE q - +",
        "SORT q",
        "SORT q BY LIMIT",
    ],
)
def test_a_large_read_without_a_limit(
    line: str, evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    reply = b"*1001\r\n$1\r\nx\r\n"
    records = (record(line, reply=reply), record(line, reply=b"*0\r\n"))

    [found] = find(evidence(records=records))

    assert found.message == (
        f"{line.split()[0]} without a limit read 1001 elements of 'q', "
        "more than the 1000 of [tool.nadia.redis] elements"
    )


@pytest.mark.parametrize(
    "line",
    [
        "LRANGE q 0 4999",
        "LRANGE q -5000 -1",
        "ZRANGE q 0 4999",
        "ZRANGE q -inf +inf BYSCORE LIMIT 0 5000",
        "ZRANGEBYSCORE q -inf +inf limit 0 5000",
        "ZREVRANGEBYLEX q + - LIMIT 0 5000",
        "XRANGE q - + COUNT 5000",
        "SORT q LIMIT 0 5000",
        "SSCAN q 0 COUNT 5000",
        "SPOP q 5000",
        "MGET q r",
        "FLUSHALL ASYNC",
        "FLUSHDB",
        "LRANGE q",
    ],
)
def test_a_read_with_a_limit_may_be_large(
    line: str, evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    assert find(evidence(records=(record(line, reply=b"*5000\r\n$1\r\nx\r\n"),))) == []


@pytest.mark.parametrize(
    ("line", "reply", "large"),
    [
        ("SMEMBERS q", b"*1000\r\n$1\r\n", False),
        ("SMEMBERS q", b"~1001\r\n$1\r\n", True),
        ("HGETALL q", b"*2000\r\n$1\r\n", False),
        ("HGETALL q", b"*2002\r\n$1\r\n", True),
        ("HGETALL q", b"%1000\r\n$1\r\n", False),
        ("HGETALL q", b"%1001\r\n$1\r\n", True),
        ("ZRANGE q 0 -1 WITHSCORES", b"*2000\r\n$1\r\n", False),
        ("ZRANGE q 0 -1 WITHSCORES", b"*1001\r\n*2\r\n", True),
        ("SMEMBERS q", b"+QUEUED\r\n", False),
        ("SMEMBERS q", b"*-1\r\n", False),
        ("SMEMBERS q", b"", False),
    ],
)
def test_elements_are_counted_in_both_protocols(
    line: str,
    reply: bytes,
    large: bool,
    evidence: Callable[..., Evidence],
    record: Callable[..., CommandRecord],
) -> None:
    assert bool(find(evidence(records=(record(line, reply=reply),)))) is large


def test_the_number_of_elements_is_configured(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = (record("SMEMBERS q", reply=b"*11\r\n"),)

    assert find(evidence(records=records, settings=RedisSettings(elements=10)))
    assert not find(evidence(records=records, settings=RedisSettings(elements=11)))


@pytest.mark.parametrize("outcome", ["injected", "rejected", "unanswered", "queued", "discarded"])
def test_what_did_not_run_did_not_block(
    outcome: str, evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    assert find(evidence(records=(record("KEYS *", outcome=outcome),))) == []
