from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import fakeredis
import pytest

from pytest_nadia.redis.connections import watch_connections
from pytest_nadia.redis.lints.evidence import KeyLeft
from pytest_nadia.redis.lints.gathering import (
    keys_without_expiry,
    seen_connections,
    written_databases,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redis import Redis

    from pytest_nadia.redis.wire import CommandRecord


@pytest.fixture
def client() -> Iterator[Redis]:
    with fakeredis.FakeRedis() as client:
        yield client


def test_keys_that_should_expire_and_do_not(client: Redis) -> None:
    client.set("cache:1", "x", ex=10)
    client.set("cache:2", "x")
    client.hset("cache:3", "field", "x")
    client.set("lock:1", "x")
    client.set("other", "x")

    assert keys_without_expiry(client, 3, ["cache:*", "lock:[0-9]", "none:*"]) == (
        KeyLeft(key=b"cache:2", database=3, glob="cache:*"),
        KeyLeft(key=b"cache:3", database=3, glob="cache:*"),
        KeyLeft(key=b"lock:1", database=3, glob="lock:[0-9]"),
    )


def test_a_key_that_two_globs_match_is_one(client: Redis) -> None:
    client.set("cache:1", "x")

    assert len(keys_without_expiry(client, 0, ["cache:*", "*:1"])) == 1


def test_many_keys_are_all_seen(client: Redis) -> None:
    client.mset({f"cache:{number}": "x" for number in range(3000)})

    assert len(keys_without_expiry(client, 0, ["cache:*"])) == 3000


def test_only_databases_that_were_written_to_are_asked(
    record: Callable[..., CommandRecord],
) -> None:
    records = [
        record("SET a 1", database=2),
        record("GET a", database=3),
        record("EVALSHA digest 0", database=1),
        record("SET a 1", database=2),
    ]

    assert written_databases(records) == [1, 2]


def test_connections_as_they_stand(port: int) -> None:
    with watch_connections() as connections:
        connections.give(("127.0.0.1", port))
        with socket.create_connection(("127.0.0.1", port)):
            [opened] = seen_connections(connections)
        [closed] = seen_connections(connections)

    assert (opened.state, closed.state, closed.reachable) == ("open", "closed", False)
    assert opened.place is not None
    assert opened.place.path == __file__
