"""What a test requests to have a Redis. Nothing is imported or started before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.redis.session.keys import FAILED
from pytest_nadia.redis.session.watching import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

    from pytest_nadia.redis.faults import RedisFaults
    from pytest_nadia.redis.instance import RedisServer
    from pytest_nadia.redis.ledger import RedisLedger
    from pytest_nadia.redis.session.turn import Turn


@pytest.fixture
def _nadia_redis(request: pytest.FixtureRequest) -> Iterator[Turn]:
    from pytest_nadia.redis.session.turn import begin

    turn = begin(request.node)
    yield turn
    turn.end()


@pytest.fixture
def redis_server(_nadia_redis: Turn) -> RedisServer:
    """A Redis that is empty when the test starts, and what can be done with it."""
    return _nadia_redis.server


@pytest.fixture
def redis_url(_nadia_redis: Turn) -> str:
    """URL of a Redis that is empty when the test starts; any client can use it."""
    return _nadia_redis.server.url


@pytest.fixture
def redis_client(_nadia_redis: Turn) -> Redis:
    """A synchronous client of the test's Redis, closed when the test ends; it gives bytes."""
    return _nadia_redis.lend_client()


@pytest.fixture
def async_redis_client(_nadia_redis: Turn) -> AsyncRedis:
    """A client of `redis.asyncio` for the test's Redis and any event loop; it gives bytes.

    Its sockets are closed when the test ends.
    """
    return _nadia_redis.server.async_client()


@pytest.fixture
def redis_faults(_nadia_redis: Turn, request: pytest.FixtureRequest) -> Iterator[RedisFaults]:
    """Faults to put before the test's Redis. One that hit nothing makes the test fail."""
    from pytest_nadia.redis.faults import RedisFaults

    faults = RedisFaults(_nadia_redis.server.front)
    yield faults
    _check_used(request, faults)


@pytest.fixture
def redis_ledger(_nadia_redis: Turn, request: pytest.FixtureRequest) -> Iterator[RedisLedger]:
    """What goes to the test's Redis: commands, round trips, connections, and budgets for them."""
    from pytest_nadia.redis.ledger import RedisLedger

    opened = watch(request.config)
    ledger = RedisLedger(_nadia_redis.server.front, _nadia_redis.mark, opened)
    yield ledger
    _check_used(request, ledger)


def _check_used(request: pytest.FixtureRequest, instrument: RedisFaults | RedisLedger) -> None:
    """An instrument that measured nothing must not pass; a test that failed did not get to it."""
    if FAILED in request.node.stash:
        return
    problem = ""
    try:
        instrument.check_used()
    except AssertionError as error:
        problem = str(error)
    if problem:
        pytest.fail(problem, pytrace=False)


@pytest.fixture
def assert_retry_safe(_nadia_redis: Turn) -> Iterator[Callable[..., Any]]:
    """`assert_retry_safe(operation)` of the test's Redis: is it applied once, also if retried?"""
    from pytest_nadia.redis.retry import assert_retry_safe

    with _nadia_redis.experiment(assert_retry_safe) as check:
        yield check


@pytest.fixture
def assert_backup_roundtrip(_nadia_redis: Turn) -> Iterator[Callable[..., Any]]:
    """`assert_backup_roundtrip(backup, restore)` of the test's Redis: does all come back?"""
    from pytest_nadia.redis.backup import assert_backup_roundtrip

    with _nadia_redis.experiment(assert_backup_roundtrip) as check:
        yield check
