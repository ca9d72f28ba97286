from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.lints.evidence import KeyLeft
from pytest_nadia.redis.lints.key_without_expiry import RULE, find

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord


def test_a_key_is_named_with_who_wrote_it(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    left = KeyLeft(key=b"cache:1", database=0, glob="cache:*")
    records = (record("SET cache:1 x"), record("GET cache:1"), record("SET cache:2 x"))

    [found] = find(evidence(keys_left=(left,), records=records))

    assert (found.rule, found.path, found.line) == ("NAD402", "tests/test_bot.py", 12)
    assert found.help == RULE.repair
    assert found.message == (
        "the key 'cache:1' has no expiry, last written by SET; "
        "[tool.nadia.redis] expires says 'cache:*'"
    )


def test_a_key_that_nobody_was_seen_writing_is_named_too(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    left = KeyLeft(key=b"\xff", database=1, glob="*")
    [found] = find(evidence(keys_left=(left,), records=(record("SET \xff x"),)))

    assert found.message.startswith("the key '\\\\xff' has no expiry; ")


def test_each_key_is_a_finding_of_its_own(evidence: Callable[..., Evidence]) -> None:
    left = [KeyLeft(key=key, database=0, glob="*") for key in (b"a", b"b")]

    assert len({one.fingerprint for one in find(evidence(keys_left=tuple(left)))}) == 2


def test_where_no_key_is_left_all_is_well(
    evidence: Callable[..., Evidence], record: Callable[..., CommandRecord]
) -> None:
    assert find(evidence(records=(record("SET a 1"),))) == []
