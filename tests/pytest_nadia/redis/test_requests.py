from __future__ import annotations

import pytest

from pytest_nadia.redis.requests import ProtocolError, Requests

SET = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n*1\r\n"
GET = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"


def taken(requests: Requests) -> list[list[bytes]]:
    return list(iter(requests.take, None))


def test_commands_come_in_order_and_keep_every_byte() -> None:
    requests = Requests()
    requests.feed(SET + GET)
    assert taken(requests) == [[b"SET", b"k", b"\r\n*1"], [b"GET", b"k"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_bytes_may_arrive_in_any_pieces(size: int) -> None:
    requests = Requests()
    stream = (SET + GET) * 3
    commands = []
    for start in range(0, len(stream), size):
        requests.feed(stream[start : start + size])
        commands += taken(requests)
    assert commands == [[b"SET", b"k", b"\r\n*1"], [b"GET", b"k"]] * 3


def test_an_empty_command_is_not_the_end() -> None:
    requests = Requests()
    requests.feed(b"*0\r\n" + GET)
    assert taken(requests) == [[], [b"GET", b"k"]]


@pytest.mark.parametrize("data", [b"PING\r\n", b"*x\r\n", b"*-1\r\n", b"*1\r\n:3\r\n", b"*\r\n"])
def test_anything_else_is_an_error(data: bytes) -> None:
    requests = Requests()
    requests.feed(data)
    with pytest.raises(ProtocolError, match="expected"):
        requests.take()
