"""What fakeredis answers otherwise than a real server, and the emulation puts right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value"
BAD_ID = "-ERR Invalid stream ID specified as stream command argument"
NO_GROUP = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"


@pytest.mark.parametrize(
    ("before", "line", "reply"),
    [
        ("SET s x", "XREAD STREAMS s 0", WRONG_TYPE),
        ("SET s x", "XREADGROUP GROUP g c STREAMS s >", WRONG_TYPE),
        ("PING", "XREADGROUP GROUP g c STREAMS s >", NO_GROUP),
        ("PING", "XREAD STREAMS s 0", "*-1"),
        ("XADD s 1-1 f v", "XDEL s $", BAD_ID),
        ("PING", "XDEL s $", ":0"),
        ("XGROUP CREATE s g 0 MKSTREAM", "XACK s g (1-1", BAD_ID),
        ("XGROUP CREATE s g 0 MKSTREAM", "XPENDING s g", "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1"),
        ("XADD s 1-1 f v", "XSETID s 5-5", "+OK"),
        ("PING", "XSETID s 5-5", "-ERR no such key"),
        ("SADD a x", "SINTERCARD 2 a b LIMIT 1", ":0"),
        ("PING", "SINTERCARD x a", "-ERR numkeys should be greater than 0"),
        ("PING", "BITCOUNT k 0", ":0"),
        ("SET k x", "BITFIELD_RO k GET u8 0", "*1\r\n:120"),
        ("PING", "GETEX k EX 0", "$-1"),
        ("SET k x", "GETEX k EX 0", "-ERR invalid expire time in 'getex' command"),
        (
            "SET k x",
            "EXPIRE k 9223372036854775807 GT",
            "-ERR invalid expire time in 'expire' command",
        ),
        ("PING", "INCRBYFLOAT k 0x1p3", "$1\r\n8"),
        ("SET k 9223372036854775807", "INCRBYFLOAT k 0", "$19\r\n9223372036854775807"),
        ("SET k inf", "INCRBYFLOAT k 1", "-ERR increment would produce NaN or Infinity"),
        ("PING", "INCRBYFLOAT k 0.1", "$3\r\n0.1"),
        ("PING", "HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity"),
        ("PING", "ZADD z 0x10 m", ":1"),
        ("PING", "CLIENT GETNAME", "$-1"),
        ("PING", "LPOP l 1", "*-1"),
        ("PING", "BLPOP l 0.01", "*-1"),
        ("PING", "BLMOVE a b LEFT LEFT 0.01", "*-1"),
        ("SET z x", "BZPOPMIN z 0.01", WRONG_TYPE),
        ("SET z x", "ZMPOP 1 z MIN", WRONG_TYPE),
        ("PING", "ZRANDMEMBER z -2 WITHSCORES", "*0"),
        ("PING", "HRANDFIELD h 2", "*0"),
        ("PING", "GEOPOS g a", "*1\r\n*-1"),
        ("PING", "SET k v EX 1 PX 1", "-ERR syntax error"),
        ("PING", "MSET a", "-ERR wrong number of arguments for 'mset' command"),
        ("PING", "MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("PING", "TOUCH a b", ":0"),
        ("MSET a 3.5 b -5", "LCS a b", "$1\r\n5"),
        ("MSET a xaxb b ab", "LCS a b LEN", ":2"),
        (
            "MSET a xy b xy",
            "LCS a b IDX MINMATCHLEN 3",
            "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:2",
        ),
        (
            "MSET a xy b xy",
            "LCS a b IDX",
            "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:0\r\n:1\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:2",
        ),
        ("SET b x", "ZRANGESTORE b missing 0 1", ":0"),
        ("XGROUP CREATE s g 0 MKSTREAM", "XGROUP CREATE s g 0", None),
    ],
)
def test_a_real_server_answers(session: Any, before: str, line: str, reply: str | None) -> None:
    session(before)
    assert session(line) == (reply or "-BUSYGROUP Consumer Group name already exists")


def test_reading_with_a_group_and_waiting_takes_what_is_there(session: Any) -> None:
    session("XADD s 1-1 f v")
    session("XGROUP CREATE s g 0")
    assert "1-1" in session("XREADGROUP GROUP g c BLOCK 10 STREAMS s >")
    assert session("XPENDING s g").startswith("*4\r\n:1")
    assert session("XREADGROUP GROUP g c BLOCK 10 STREAMS s >") == "*-1"


def test_a_deleted_entry_is_null_in_the_history(session: Any) -> None:
    session("XADD s 1-1 f v")
    session("XGROUP CREATE s g 0")
    session("XREADGROUP GROUP g c STREAMS s >")
    session("XDEL s 1-1")
    assert session("XREADGROUP GROUP g c STREAMS s 0").endswith("1-1\r\n*-1")


def test_a_copy_is_apart_from_its_original(session: Any) -> None:
    session("RPUSH a x")
    assert session("COPY a b") == ":1"
    session("RPUSH a y")
    assert session("LLEN b") == ":1"
    assert session("COPY a b DB 1") == ":1"
    assert session("LLEN b") == ":1"
    session("SELECT 1")
    assert session("LLEN b") == ":2"


def test_a_bit_field_makes_room_before_it_fails(session: Any) -> None:
    assert session("BITFIELD k OVERFLOW FAIL INCRBY u4 #3 -7") == "*1\r\n$-1"
    assert session("STRLEN k") == ":2"
    assert session("BITFIELD k GET u8 100") == "*1\r\n:0"
    assert session("STRLEN k") == ":2"


def test_expiring_at_once_deletes(session: Any) -> None:
    session("SET k x")
    session("MULTI")
    session("EXPIRE k 0")
    session("EXISTS k")
    assert session("EXEC") == "*2\r\n:1\r\n:0"


def test_a_watched_key_that_changed_ends_the_transaction(
    session: Any, server: Any, connect: Callable[[Any], Any]
) -> None:
    other = connect(server)
    session("XADD s 1-1 f v")
    session("WATCH s")
    other("XDEL s 1-1")
    session("MULTI")
    session("PING")
    assert session("EXEC") == "*-1"


def test_a_failure_inside_is_told_without_its_insides(
    session: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise IndexError("pop from empty list")

    monkeypatch.setattr(session, "get", fail)
    reply = session("GET k")
    assert reply.startswith("-ERR internal error of the embedded Redis in 'get'; run this test on")
    assert "pop from" not in reply
    assert "pop from empty list" in capfd.readouterr().err
    assert session("PING") == "+PONG"


@pytest.mark.parametrize(
    ("score", "old", "new"),
    [
        ("0.1", "0.10000000000000001", "0.1"),
        ("3", "3", "3"),
        ("1e25", "1.0000000000000001e+25", "1e+25"),
        ("1e-7", "9.9999999999999995e-08", "1e-7"),
        ("123456.789", "123456.789", "123456.789"),
        ("-2.5", "-2.5", "-2.5"),
        ("inf", "inf", "inf"),
    ],
)
def test_scores_are_written_as_the_version_does(
    make_server: Callable[..., Any],
    connect: Callable[[Any], Any],
    score: str,
    old: str,
    new: str,
) -> None:
    for version, text in (((7, 0, 15), old), ((7, 4, 0), new)):
        session = connect(make_server(version))
        session(f"ZADD z {score} m")
        assert session("ZSCORE z m").endswith(f"\r\n{text}")


def test_sets_numbers_and_texts_have_types_in_resp3(session: Any) -> None:
    session("HELLO 3")
    session("SADD s a")
    session("ZADD z 1.5 m")
    assert session("SMEMBERS s") == "~1\r\n$1\r\na"
    assert session("ZSCORE z m") == ",1.5"
    assert session("INFO cluster").startswith("=")
    assert session("GET missing") == "_"
    assert session("CONFIG GET hz").startswith("%1")
