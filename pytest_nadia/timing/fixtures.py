"""What a test requests to have a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.session.usage import FIXTURE as REDIS
from pytest_nadia.redis.session.usage import uses_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.clock import VirtualClock


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> Iterator[VirtualClock]:
    """Time that passes only when the test says so, or when everybody waits for it."""
    from pytest_nadia.clock import virtual_clock

    # First, so that the clock ends before the Redis that follows it.
    turn = request.getfixturevalue(REDIS) if uses_redis(request.node) else None
    with virtual_clock() as clock:
        if turn is not None:
            clock.follow(turn.server.front)
        yield clock
