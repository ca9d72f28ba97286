from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

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
