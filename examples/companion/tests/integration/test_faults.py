"""What the world does to the bot: replies that get lost, garbage, an emptied Redis, a crowd."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from redis import exceptions

from companion.errors import StateLost
from companion.message import Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_nadia.redis.faults import RedisFaults
    from pytest_nadia.redis.instance import RedisServer
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration

LEFT = ("write-ahead", "due", "busy", "work", "review")


WRITES = ("EVALSHA", "SET", "SADD", "ZADD", "ZREM", "LREM")


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("each", [1, 2, 3])
def test_a_lost_reply_neither_loses_nor_doubles_anything(
    world: World, redis_client: Redis, redis_faults: RedisFaults, each: int
) -> None:
    # The repetition of one turn's command may be the next that another turn's makes unlucky.
    world.retries = 20

    async def story(parts: Parts) -> None:
        await parts.protocol.silence("cleo", "")
        for n in range(3):
            await parts.hear(
                (f"m{n}", "ana", f"say {n}", n * 10), (f"n{n}", "ben", f"why {n}?", n * 10)
            )
            await parts.hear((f"o{n}", "cleo", f"oh {n}", n * 10))
            await parts.settle(n * 10 + 5)
        await parts.protocol.lift("cleo", "")
        await parts.settle()

    with ExitStack() as faults:
        # Each rule counts what those before it let through.
        for n in range(1, 16):
            faults.enter_context(redis_faults.lose_reply(WRITES, nth=n * each))
        world.run(story)
    assert sorted(one for one, _ in world.sent) == [f"{u}{n}" for u in "mno" for n in range(3)]
    history = redis_client.lrange("companion:history:ana", 0, -1)
    assert [json.loads(line)["text"] for line in history[::2]] == [f"say {n}" for n in range(3)]
    assert len(history) == 6
    assert [redis_client.exists(f"companion:{key}") for key in LEFT] == [0] * len(LEFT)


@pytest.mark.parametrize("step", ["model", "guard", "review", "send", "mark"])
def test_redis_emptied_under_the_bot_stops_it_and_the_next_start_repeats_nothing(
    world: World, redis_client: Redis, step: str
) -> None:
    messages = [(f"m{n}", "ana", f"say {n}", n * 10) for n in range(3)]
    passed: list[str] = []

    def empty(name: str) -> None:
        passed.append(name)
        if passed.count(step) == 2 and name == step:
            redis_client.flushdb()

    async def story(parts: Parts) -> None:
        for message in messages:
            await parts.hear(message)
            await parts.settle(message[3] + 5)

    with pytest.raises(StateLost, match="start the bot again"):
        world.run(story, reached=empty)
    world.run(story)
    assert [one for one, _ in world.sent] == ["m0", "m1", "m2"]


def test_nothing_is_written_into_a_redis_that_lost_its_data(
    world: World, redis_server: RedisServer
) -> None:
    empty = redis_server.snapshot()

    async def story(parts: Parts) -> None:
        redis_server.restore(empty)
        with pytest.raises(StateLost):
            await parts.bot.take(Message("m1", "ana", "Hi", 10))
        assert redis_server.snapshot() == empty

    world.run(story)


def test_an_emptied_redis_is_not_taken_for_one_where_all_is_done(
    world: World, async_redis_client: AsyncRedis
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await async_redis_client.flushdb()
        with pytest.raises(StateLost):
            await parts.settle()

    world.run(story)


def test_a_message_that_vanished_with_all_the_data_is_no_garbage(
    world: World, async_redis_client: AsyncRedis
) -> None:
    async def story(parts: Parts) -> None:
        await async_redis_client.flushdb()
        await async_redis_client.rpush("companion:buffer:ana", "m1")
        with pytest.raises(StateLost):
            await parts.hear(("m2", "ana", "Ho", 10))
        found = [key async for key in async_redis_client.scan_iter()]
        assert found == [b"companion:buffer:ana"]

    world.run(story)


async def read_work(parts: Parts) -> object:
    return await parts.flow.work()


async def read_waiting(parts: Parts) -> object:
    return await parts.flow.waiting()


async def read_history(parts: Parts) -> object:
    return await parts.flow.history("ana")


async def read_held(parts: Parts) -> object:
    return await parts.protocol.held("ana")


async def read_status(parts: Parts) -> object:
    return await parts.protocol.is_silenced("ana")


async def take(parts: Parts) -> object:
    return await parts.bot.take(Message("m1", "ana", "Hi", 10))


async def look(parts: Parts) -> object:
    return await parts.settle()


OPERATIONS = [read_work, read_waiting, read_history, read_held, read_status, take, look]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_redis_that_hangs_is_not_taken_for_an_empty_one(
    world: World,
    redis_faults: RedisFaults,
    redis_server: RedisServer,
    operation: Callable[[Parts], Awaitable[object]],
) -> None:
    world.seconds, world.retries = 0.05, 0

    async def story(parts: Parts) -> None:
        before = redis_server.snapshot()
        with redis_faults.hang(), pytest.raises(exceptions.TimeoutError):
            await operation(parts)
        assert redis_server.snapshot() == before

    world.run(story)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_redis_that_is_down_is_not_taken_for_an_empty_one(
    world: World, redis_faults: RedisFaults, operation: Callable[[Parts], Awaitable[object]]
) -> None:
    world.retries = 0

    async def story(parts: Parts) -> None:
        with redis_faults.down(), pytest.raises(exceptions.ConnectionError):
            await operation(parts)

    world.run(story)


@pytest.mark.parametrize("text", ["OOM", "READONLY", "MISCONF", "LOADING"])
def test_a_message_that_redis_refuses_is_not_taken_and_can_come_again(
    world: World, redis_faults: RedisFaults, text: str
) -> None:
    world.retries = 0

    async def story(parts: Parts) -> None:
        with redis_faults.error(text), pytest.raises(exceptions.RedisError):
            await take(parts)
        assert await take(parts)
        await parts.settle()

    world.run(story)
    assert [one for one, _ in world.sent] == ["m1"]


def test_a_full_redis_stops_the_bot_and_loses_nothing(
    world: World, redis_faults: RedisFaults
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        with redis_faults.maxmemory(1), pytest.raises(exceptions.OutOfMemoryError):
            await parts.settle()
        assert world.sent == []
        await parts.settle()

    world.run(story)
    assert [one for one, _ in world.sent] == ["m1"]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("command", ["EVALSHA", "ZRANGE", "HGETALL", "HMGET", "LRANGE", "GET"])
def test_half_a_reply_is_no_reply(world: World, redis_faults: RedisFaults, command: str) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        with redis_faults.cut_reply(on=command, times=2):
            await parts.hear(("m2", "ana", "Ho", 10))
            await parts.settle()

    world.run(story)
    assert world.sent == [("m1", 'You say "Hi / Ho" Tell me more.')]


def test_a_shared_key_of_a_foreign_type_is_named(world: World, redis_client: Redis) -> None:
    redis_client.set("companion:work", "mine")

    async def story(_parts: Parts) -> None:
        raise AssertionError("started")

    with pytest.raises(StateLost, match="the Redis key companion:work holds a string, not a zset"):
        world.run(story)


def plant_garbage(redis: Redis) -> None:
    redis.rpush("companion:buffer:ana", "nobody", b"\xc3\xa9{}", "m9")
    redis.hset("companion:write-ahead", mapping={"m9": "[1, 2", "m8": '["m8", "ana", "", 0]'})
    redis.zadd("companion:due", {"ana": 1, "ghost": 1})
    redis.zadd("companion:work", {"lost": 1})
    redis.zadd("companion:review", {"also-lost": 1, "half": 2})
    redis.hset("companion:turn:half", "step", "review")
    redis.set("companion:turn:m1", "a string")
    redis.set("companion:history:ana", "a string")
    redis.rpush("companion:history:ben", "not json", "[]", '{"role": "user"}')
    redis.set("companion:buffer:ben", "a string")
    redis.rpush("companion:held:ben", "no message")


def test_garbage_is_set_aside_and_everybody_is_answered(world: World, redis_client: Redis) -> None:
    plant_garbage(redis_client)

    async def story(parts: Parts) -> None:
        await parts.protocol.recover()
        await parts.hear(("m1", "ana", "Hi", 10), ("n1", "ben", "Hi", 10))
        await parts.settle()
        await parts.hear(("m2", "ana", "Hi", 30), ("n2", "ben", "Hi", 30))
        await parts.settle()

    world.run(story)
    assert [one for one, _ in world.sent] == ["m1", "n1", "m2", "n2"]
    assert redis_client.scard("companion:garbage") >= 8
    for key in ("due", "busy", "work", "review"):
        assert redis_client.exists(f"companion:{key}") == 0


def test_a_turn_whose_data_vanished_is_made_again_from_the_write_ahead_queue(
    world: World, redis_client: Redis
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 11))
        assert await parts.pacing.form_due(1e9) == 1
        await parts.hear(("m3", "ana", "three", 11.5), ("m4", "ana", "four", 99))
        redis_client.delete("companion:turn:m1")
        await parts.settle()

    world.run(story)
    assert [text for _, text in world.sent] == [
        'You say "one / two / three" Tell me more.',
        'You say "four" Tell me more.',
    ]


def test_everybody_in_a_crowd_is_answered_once(world: World, redis_client: Redis) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(*((f"m{n}", f"user {n}", f"say {n}", 10) for n in range(30)))
        await parts.settle(12)

    world.run(story)
    assert sorted(one for one, _ in world.sent) == sorted(f"m{n}" for n in range(30))
    assert redis_client.hlen("companion:busy") == 0
