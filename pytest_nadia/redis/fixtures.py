"""What a test requests to have a Redis. Nothing is imported or started before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from pytest_nadia.redis.embedded import EmbeddedRedis


@pytest.fixture(scope="session")
def _embedded_redis() -> Iterator[EmbeddedRedis]:
    from pytest_nadia.redis.embedded import EmbeddedRedisError, embedded_redis
    from pytest_nadia.redis.requirements import missing_requirement

    if problem := missing_requirement():
        pytest.fail(problem, pytrace=False)
    try:
        with embedded_redis() as server:
            yield server
    except EmbeddedRedisError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def redis_url(_embedded_redis: EmbeddedRedis) -> str:
    """URL of a Redis that is empty when the test starts; any client can use it."""
    from pytest_nadia.redis.embedded import EmbeddedRedisError

    try:
        _embedded_redis.reset()
    except EmbeddedRedisError as error:
        pytest.fail(str(error), pytrace=False)
    return _embedded_redis.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[Redis]:
    """A synchronous client of `redis_url`, closed when the test ends; it gives bytes."""
    from redis import Redis

    with Redis.from_url(redis_url) as client:
        yield client
