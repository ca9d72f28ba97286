"""What the world does to the bot: replies that get lost, garbage, an emptied Redis, a crowd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio.connection import AbstractConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from companion.errors import StateLost
from companion.message import Message

if TYPE_CHECKING:
    from redis import Redis

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration

LEFT = ("write-ahead", "due", "busy", "work", "review")


class LostReplies:
    """Loses every `each`-th reply to a script: Redis has done it, the bot does not hear of it.

    The reply to the repeated script arrives.
    """

    def __init__(self, each: int) -> None:
        self.each, self.count, self.lost = each, 0, 0

    def install(self, patch: pytest.MonkeyPatch) -> None:
        send, read = AbstractConnection.send_command, AbstractConnection.read_response
        scripts: set[int] = set()
        repeated: set[int] = set()

        async def noting_send(connection: Any, *args: Any, **kwargs: Any) -> None:
            if args and args[0] == "EVALSHA":
                scripts.add(id(connection))
            await send(connection, *args, **kwargs)

        async def losing_read(connection: Any, *args: Any, **kwargs: Any) -> Any:
            reply = await read(connection, *args, **kwargs)
            if id(connection) in scripts:
                scripts.discard(id(connection))
                self.count += 1
                if id(connection) in repeated:
                    repeated.discard(id(connection))
                elif self.count % self.each == 0:
                    self.lost += 1
                    repeated.add(id(connection))
                    await connection.disconnect(nowait=True)
                    raise RedisConnectionError("the reply was lost")
            return reply

        patch.setattr("companion.redis_connection.ExponentialBackoff", lambda **_: NoBackoff())
        patch.setattr(AbstractConnection, "send_command", noting_send)
        patch.setattr(AbstractConnection, "read_response", losing_read)


@pytest.mark.parametrize("each", [1, 2, 3])
def test_a_lost_reply_neither_loses_nor_doubles_anything(
    world: World,
    redis_client: Redis,
    monkeypatch: pytest.MonkeyPatch,
    each: int,
) -> None:
    lost = LostReplies(each)

    lost.install(monkeypatch)

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

    world.run(story)
    assert lost.lost > 10
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
            redis_client.flushall()

    async def story(parts: Parts) -> None:
        for message in messages:
            await parts.hear(message)
            await parts.settle(message[3] + 5)

    with pytest.raises(StateLost, match="start the bot again"):
        world.run(story, reached=empty)
    world.run(story)
    assert [one for one, _ in world.sent] == ["m0", "m1", "m2"]


def test_nothing_is_written_into_a_redis_that_lost_its_data(
    world: World, redis_client: Redis
) -> None:
    async def story(parts: Parts) -> None:
        redis_client.flushall()
        with pytest.raises(StateLost):
            await parts.bot.take(Message("m1", "ana", "Hi", 10))
        assert redis_client.keys("*") == []

    world.run(story)


def test_an_emptied_redis_is_not_taken_for_one_where_all_is_done(
    world: World, redis_client: Redis
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        redis_client.flushall()
        with pytest.raises(StateLost):
            await parts.settle()

    world.run(story)


def test_a_message_that_vanished_with_all_the_data_is_no_garbage(
    world: World, redis_client: Redis
) -> None:
    async def story(parts: Parts) -> None:
        redis_client.flushall()
        redis_client.rpush("companion:buffer:ana", "m1")
        with pytest.raises(StateLost):
            await parts.hear(("m2", "ana", "Ho", 10))
        assert redis_client.keys("*") == [b"companion:buffer:ana"]

    world.run(story)


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
