from __future__ import annotations

import asyncio
import socket
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from pytest_nadia.redis.process import Front

T = TypeVar("T")


@pytest.fixture
def answers() -> Callable[[str], bool]:
    """Whether anything listens at the port of a URL."""

    def probe(url: str) -> bool:
        address = urlsplit(url).hostname, urlsplit(url).port
        with closing(socket.socket()) as connection:
            return connection.connect_ex(address) == 0

    return probe


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Returns when a condition holds; fails if it does not come to."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture
def wait_until_gone(
    answers: Callable[[str], bool], eventually: Callable[[Callable[[], bool]], None]
) -> Callable[[str], None]:
    """Returns when nothing listens at a URL any more."""
    return lambda url: eventually(lambda: not answers(url))


@pytest.fixture
def run_async() -> Callable[[Coroutine[None, None, T]], T]:
    """Runs a coroutine, and leaves alone the event loop that another plugin may have set."""

    def run(coroutine: Coroutine[None, None, T]) -> T:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture(scope="session")
def fronts() -> Iterator[Callable[[Literal["embedded", "server"]], Front]]:
    """A front of each kind, started when it is first asked for."""
    from pytest_nadia.redis.process import run_front

    started: dict[str, Front] = {}
    with ExitStack() as stack:

        def get(kind: Literal["embedded", "server"]) -> Front:
            if kind not in started:
                started[kind] = stack.enter_context(run_front(kind))
            return started[kind]

        yield get


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.slow)])
def front(
    request: pytest.FixtureRequest,
    fronts: Callable[[Literal["embedded", "server"]], Front],
    require: Callable[[str], str],
) -> Front:
    """An empty Redis of our own, embedded and real in turn."""
    if request.param == "server":
        require("redis-server")
    found = fronts(request.param)
    found.reset()
    return found
