from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.lints.deprecated_command import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord


def test_deprecated_commands_are_named_once_each(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    lines = ("GETSET turn 1", "GET turn", "getset other 1", "SLAVEOF NO ONE")

    found = find(evidence(records=tuple(map(record, lines))))

    assert [(one.rule, one.message, one.help) for one in found] == [
        (
            "NAD405",
            "GETSET is deprecated since Redis 6.2.0; it was sent 2 times, first for 'turn'",
            "use SET with GET",
        ),
        (
            "NAD405",
            "SLAVEOF is deprecated since Redis 5.0.0; it was sent once",
            "use REPLICAOF",
        ),
    ]


@pytest.mark.parametrize("line", ["SET a 1 GET", "HSET h a 1", "ZRANGE z 0 1 REV", "BOGUS"])
def test_what_replaces_them_is_healthy(
    line: str, evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    assert find(evidence(records=(record(line),))) == []


def test_what_libraries_send_by_themselves_is_not_the_projects(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    records = (
        record("QUIT"),
        record("CLUSTER SLOTS"),
        record("GETSET a 1", handshake=True),
    )

    assert find(evidence(records=records)) == []
