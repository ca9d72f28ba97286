from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis

from pytest_nadia.redis.process import Front, run_front

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def started() -> Iterator[Callable[[Any], Front]]:
    """Starts each kind of front once, when a test first asks for it."""
    fronts: dict[str, Front] = {}
    with ExitStack() as stack:

        def start(kind: Any) -> Front:
            if kind not in fronts:
                fronts[kind] = stack.enter_context(run_front(kind))
            return fronts[kind]

        yield start


@pytest.fixture(params=["embedded", "server"])
def front(
    request: pytest.FixtureRequest,
    started: Callable[[Any], Front],
    require: Callable[[str], str],
) -> Front:
    """A front before each kind of data, empty."""
    if request.param == "server":
        require("redis-server")
    front = started(request.param)
    front.reset()
    return front


@pytest.fixture
def connect(front: Front) -> Iterator[Callable[..., Any]]:
    """Makes clients that neither retry nor wait for ever; all are closed at the end."""
    with ExitStack() as stack:

        def make(**options: Any) -> Any:
            chosen = {"host": front.host, "port": front.port, "retry": None, "socket_timeout": 10}
            client = redis.Redis(**{**chosen, **options})
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(request: pytest.FixtureRequest, connect: Callable[..., Any]) -> Any:
    return connect(protocol=request.param)


@pytest.fixture
def plain(front: Front) -> Iterator[socket.socket]:
    """A bare connection to the front."""
    with socket.create_connection((front.host, front.port), timeout=10) as connection:
        yield connection


@pytest.fixture
def receive(plain: socket.socket) -> Callable[[int], list[bytes]]:
    """Reads that many lines from the bare connection."""

    def lines(number: int) -> list[bytes]:
        data = b""
        while data.count(b"\r\n") < number:
            more = plain.recv(65536)
            assert more, f"hung up after {data!r}"
            data += more
        return data.split(b"\r\n")[:-1]

    return lines
