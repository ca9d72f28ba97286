from __future__ import annotations

from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_nadia.redis.front.replies import HEAD_BYTES, Replies

LEAVES = st.sampled_from(
    [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":-12\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"_\r\n",
        b"#t\r\n",
        b",1.5e3\r\n",
        b"(123456789012345678901234567890\r\n",
        b"$0\r\n\r\n",
        b"=8\r\ntxt:\r\n+x\r\n",
        b"!5\r\nERR x\r\n",
    ]
) | st.binary(max_size=600).map(lambda data: b"$%d\r\n%b\r\n" % (len(data), data))


def joined(kind: bytes, members: list[bytes], each: int = 1) -> bytes:
    return kind + b"%d\r\n" % (len(members) // each) + b"".join(members)


def pushes(members: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(members, max_size=4).map(lambda one: joined(b">", one))


def containers(plain: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    # A push may come before any member, and is none of them.
    members = plain | st.tuples(pushes(plain), plain).map(b"".join)
    lists = st.lists(members, max_size=4)
    return (
        st.tuples(st.sampled_from([b"*", b"~"]), lists).map(lambda one: joined(*one))
        | pairs(members).map(lambda found: joined(b"%", found, 2))
        | st.tuples(pairs(plain), plain).map(lambda one: joined(b"|", one[0], 2) + one[1])
    )


def pairs(members: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.tuples(members, members), max_size=3).map(
        lambda found: [part for pair in found for part in pair]
    )


SIZES = st.lists(st.sampled_from([1, 2, 3, 7, 50, 500]), min_size=1, max_size=5)
VALUES = st.recursive(LEAVES, containers, max_leaves=12)
REPLIES = VALUES | pushes(VALUES)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(REPLIES, min_size=1, max_size=6), SIZES)
def test_each_reply_is_found_whatever_pieces_it_comes_in(
    replies: list[bytes], sizes: list[int]
) -> None:
    stream = b"".join(replies)
    scanner, found, pending = Replies(), [], b""
    for size in cycle(sizes):
        piece, stream = stream[:size], stream[size:]
        start = 0
        for end in scanner.feed(piece):
            whole = pending + piece[start : end.end]
            assert end.head == whole[:HEAD_BYTES]
            assert end.size == len(whole)
            found.append(whole)
            pending, start = b"", end.end
        pending += piece[start:]
        assert scanner.inside == bool(pending)
        if not stream:
            break
    assert found == replies
