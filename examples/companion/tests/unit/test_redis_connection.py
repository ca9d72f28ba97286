from __future__ import annotations

import asyncio

import pytest
from redis import exceptions

from companion.log import redact
from companion.redis_connection import RedisConnection, address, explain

pytestmark = pytest.mark.unit

URL = "redis://bot:" + "s3cr3t" + "@host:6380/1?password=" + "s3cr3t"


def test_an_address_holds_no_password() -> None:
    assert address(URL) == "redis://host:6380/1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.ConnectionError("x"), "Redis does not answer at redis://host:6380/1: start it"),
        (exceptions.TimeoutError("x"), "Redis does not answer at"),
        (exceptions.AuthenticationError("x"), "refuses to log in: put user and password into"),
        (exceptions.ResponseError("OOM\ncommand"), "refuses a command: OOM command"),
    ],
)
def test_an_error_says_what_to_do(error: exceptions.RedisError, said: str) -> None:
    line = explain(error, URL)
    assert said in line
    assert "s3cr3t" not in line
    assert redact(line) == line


def test_nothing_is_opened_before_the_first_use_and_closing_twice_is_fine() -> None:
    async def use() -> None:
        async with RedisConnection("redis://127.0.0.1:1/0", 0.1) as connection:
            await connection.close()
            first = connection.client
            assert first is connection.client
            await connection.close()
            assert connection.client is not first

    asyncio.run(use())
