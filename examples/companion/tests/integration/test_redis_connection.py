from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from redis import exceptions

from companion.redis_connection import RedisConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_nadia.redis.faults import RedisFaults
    from pytest_nadia.redis.ledger import RedisLedger

    Opened = Any

pytestmark = pytest.mark.integration


def with_connection(
    url: str, work: Callable[[RedisConnection], Awaitable[object]], retries: int = 0
) -> None:
    async def use() -> None:
        async with RedisConnection(url, 0.2, retries) as connection:
            await work(connection)

    asyncio.run(use())


def test_it_opens_at_the_first_command_and_closes_at_the_end(
    redis_url: str, opened: Opened, redis_ledger: RedisLedger
) -> None:
    async def work(connection: RedisConnection) -> None:
        client = connection.client
        assert (opened.count, opened.still_open) == (0, 0)
        await client.ping()
        await client.ping()
        assert (opened.count, opened.still_open) == (1, 1)

    with_connection(redis_url, work)
    assert (opened.count, opened.still_open) == (1, 0)
    assert redis_ledger.count("PING") == 2


def test_it_closes_when_the_work_fails(redis_url: str, opened: Opened) -> None:
    async def work(connection: RedisConnection) -> None:
        await connection.client.ping()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        with_connection(redis_url, work)
    assert (opened.count, opened.still_open) == (1, 0)


async def ping(connection: RedisConnection) -> None:
    await connection.client.ping()


def test_nobody_listening_is_an_error_soon(redis_url: str, redis_faults: RedisFaults) -> None:
    with redis_faults.down(), pytest.raises(exceptions.ConnectionError):
        with_connection(redis_url, ping)


def test_nobody_answering_is_an_error_soon(redis_url: str, redis_faults: RedisFaults) -> None:
    with redis_faults.hang(), pytest.raises(exceptions.TimeoutError):
        with_connection(redis_url, ping)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_reply_that_is_lost_now_and_then_is_asked_for_again(
    redis_url: str, redis_faults: RedisFaults, redis_ledger: RedisLedger, times: int
) -> None:
    with redis_faults.lose_reply("PING", times=times):
        with_connection(redis_url, ping, retries=3)
    assert redis_ledger.count("PING") == times + 1


def test_a_reply_that_is_always_lost_is_an_error(redis_url: str, redis_faults: RedisFaults) -> None:
    lost = redis_faults.lose_reply("PING", times=4)
    with lost, pytest.raises(exceptions.ConnectionError):
        with_connection(redis_url, ping, retries=3)
    assert lost.fired == 4
