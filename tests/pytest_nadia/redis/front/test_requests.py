from __future__ import annotations

from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_nadia.redis.front.requests import ProtocolError, Requests

SET = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n*1\r\n"
GET = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
COMMANDS = st.lists(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"\r\n$1\r\n", b"x" * 1500]), min_size=1),
    min_size=1,
    max_size=6,
)

SIZES = st.lists(st.sampled_from([1, 2, 3, 7, 50, 500, 5000]), min_size=1, max_size=5)


def taken(requests: Requests) -> list[list[bytes]]:
    return list(iter(requests.take, None))


def wire(fields: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(fields) + b"".join(b"$%d\r\n%b\r\n" % (len(f), f) for f in fields)


@pytest.mark.slow
@settings(deadline=None)
@given(COMMANDS, SIZES)
def test_commands_come_in_order_and_whole_whatever_pieces_they_come_in(
    commands: list[list[bytes]], sizes: list[int]
) -> None:
    stream = b"".join(map(wire, commands))
    total = len(stream)
    requests, found, raws = Requests(), [], []
    for size in cycle(sizes):
        requests.feed(stream[:size])
        stream = stream[size:]
        while (fields := requests.take()) is not None:
            found.append(fields)
            raws.append(requests.raw())
            assert requests.size == len(raws[-1])
        assert requests.waiting + sum(map(len, raws)) + len(stream) == total
        if not stream:
            break
    assert found == commands
    assert raws == [wire(one) for one in commands]


def test_what_was_not_taken_stays_when_more_comes() -> None:
    requests = Requests()
    requests.feed(GET * 3)
    assert requests.take() == [b"GET", b"k"]
    requests.feed(SET)
    assert taken(requests) == [[b"GET", b"k"], [b"GET", b"k"], [b"SET", b"k", b"\r\n*1"]]


def test_an_empty_command_is_not_the_end() -> None:
    requests = Requests()
    requests.feed(b"*0\r\n*-1\r\n\r\n" + GET)
    assert taken(requests) == [[], [], [], [b"GET", b"k"]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"PING\r\n", [b"PING"]),
        (b"  set\tk  v \n", [b"set", b"k", b"v"]),
        (b'set "a b" "\\x41\\n\\"\\\\"\r\n', [b"set", b"a b", b'A\n"\\']),
        (b"set 'it\\'s' 'a\\n'\r\n", [b"set", b"it's", b"a\\n"]),
        (b'set "\\xzz"\r\n', [b"set", b"xzz"]),
        (b'"" x\r\n', [b"", b"x"]),
    ],
)
def test_a_command_may_be_typed_by_hand(line: bytes, words: list[bytes]) -> None:
    requests = Requests()
    requests.feed(line)
    assert taken(requests) == [words]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*1\r\n:3\r\n", "expected '\\$', got ':'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*" + b"1" * 70_000, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
        (b"a" * 70_000, "too big inline request"),
        (b'get "k\r\n', "unbalanced quotes in request"),
        (b'get "k"x\r\n', "unbalanced quotes in request"),
    ],
)
def test_what_is_not_the_protocol_is_refused_in_redis_words(data: bytes, complaint: str) -> None:
    requests = Requests()
    requests.feed(GET + data)
    assert requests.take() == [b"GET", b"k"]
    with pytest.raises(ProtocolError, match=f"^{complaint}$"):
        requests.take()
    assert requests.rest() == data


def test_a_large_value_is_not_copied_again_for_each_piece() -> None:
    requests = Requests()
    requests.feed(b"*2\r\n$3\r\nGET\r\n$4000000\r\n")
    for _ in range(400):
        assert requests.take() is None
        requests.feed(b"x" * 10_000)
    requests.feed(b"\r\n")
    fields = requests.take()
    assert fields is not None
    assert len(fields[1]) == 4_000_000
