from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.connections import ForeignConnection
from pytest_nadia.redis.lints.foreign_redis import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence

    Found = dict[str, list[tuple[str, int, str]]]

REFUSED = """
import contextlib, redis, socket

def test_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        unused = server.getsockname()[1]
    with redis.Redis(port=unused, retry=None, protocol=2) as client:
        with contextlib.suppress(redis.ConnectionError):
            client.ping()  # HERE
"""
GIVEN = """
import redis

def test_it(port):
    with redis.Redis(port=port, protocol=2) as client:
        client.ping()
"""
NO_REDIS = """
import socket

def test_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
"""


def test_the_place_that_connected_is_named(evidence: Callable[..., Evidence]) -> None:
    foreign = ForeignConnection("127.0.0.1:6379", "/project/app/store.py", 7)

    [found] = find(evidence(foreign=(foreign,)))

    assert (found.rule, found.path, found.line) == ("NAD406", "app/store.py", 7)
    assert found.message == (
        "connects to the Redis at 127.0.0.1:6379, which the fixtures did not give"
    )


def test_none_is_healthy(evidence: Callable[..., Evidence]) -> None:
    assert find(evidence()) == []


@pytest.mark.integration
def test_whole_tests(found_in: Callable[..., Found]) -> None:
    found = found_in({"refused": REFUSED, "given": GIVEN, "no redis": NO_REDIS})

    line = REFUSED.splitlines().index("            client.ping()  # HERE") + 1
    assert [row[:2] for row in found.pop("refused")] == [("NAD406", line)]
    assert found == {"given": [], "no redis": []}
