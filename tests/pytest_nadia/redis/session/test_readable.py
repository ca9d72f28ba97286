from __future__ import annotations

import pytest

from pytest_nadia.redis.session.readable import readable


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (b"+OK\r\n", "OK"),
        (b"-WRONGTYPE not this\r\n", "(error) WRONGTYPE not this"),
        (b":42\r\n", "42"),
        (b"$3\r\nabc\r\n", '"abc"'),
        (b"$5\r\na\r\nbc\r\n", r'"a\r\nbc"'),
        (b"$2\r\n\xff\x00\r\n", r'"\xff\x00"'),
        (b"$0\r\n\r\n", '""'),
        (b"$-1\r\n", "nil"),
        (b"*-1\r\n", "nil"),
        (b"_\r\n", "nil"),
        (b"*0\r\n", "[]"),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", '["a", [1]]'),
        (b"%1\r\n+a\r\n:1\r\n", "{a: 1}"),
        (b"~2\r\n:1\r\n:2\r\n", "{1, 2}"),
        (b">1\r\n+push\r\n", "[push]"),
        (b"#t\r\n", "true"),
        (b"#f\r\n", "false"),
        (b",1.5\r\n", "1.5"),
        (b"(12345678901234567890\r\n", "12345678901234567890"),
        (b"=7\r\ntxt:abc\r\n", '"txt:abc"'),
        (b"!7\r\nERR abc\r\n", "(error) ERR abc"),
        (b"", "no reply"),
    ],
)
def test_a_reply_is_shown_much_as_redis_cli_shows_it(reply: bytes, shown: str) -> None:
    assert readable(reply) == shown


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (b"*3\r\n$1\r\na\r\n$5\r\nbc", '["a", "bc"...'),
        (b"*2\r\n:1\r\n", "[1, ..."),
        (b"$100\r\nabc", '"abc"...'),
        (b":12", "..."),
        (b"*x\r\n", "..."),
    ],
)
def test_of_a_reply_that_was_cut_the_beginning_is_shown(reply: bytes, shown: str) -> None:
    assert readable(reply) == shown


def test_a_long_reply_is_cut() -> None:
    assert len(readable(b"$1000\r\n" + b"x" * 1000 + b"\r\n")) < 300
