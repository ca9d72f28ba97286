from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from companion.constants import SEEN_SECONDS
from companion.message import Message

if TYPE_CHECKING:
    from pytest_nadia.redis.instance import RedisServer
    from redis import Redis

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration


async def texts(parts: Parts) -> list[str]:
    return [turn.text for turn in await parts.flow.work()]


def test_a_batch_is_formed_when_it_is_due_and_not_before(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 11))
        assert await parts.pacing.next_due(0) == 13
        assert await parts.pacing.form_due(12.9) == 0
        assert await parts.pacing.form_due(13) == 1
        assert await texts(parts) == ["one\ntwo"]
        assert await parts.pacing.next_due(0) is None

    world.run(story)


def test_a_full_batch_goes_at_once_and_the_rest_waits_its_turn(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(*((f"m{n}", "ana", str(n), 10) for n in range(12)))
        await parts.settle(10)
        assert [one for one, _ in world.sent] == ["m0", "m5"]
        await parts.settle(11.9)
        assert len(world.sent) == 2
        await parts.settle(12)
        assert [one for one, _ in world.sent] == ["m0", "m5", "m10"]

    world.run(story)


def test_the_buffer_survives_a_restart(world: World) -> None:
    async def before(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 11))

    async def after(parts: Parts) -> None:
        await parts.hear(("m3", "ana", "three", 12))
        await parts.settle(14)

    world.run(before)
    world.run(after)
    assert world.sent == [("m1", 'You say "one / two / three" Tell me more.')]


def test_a_message_is_taken_once(world: World) -> None:
    async def story(parts: Parts) -> None:
        assert await parts.bot.take(Message("m1", "ana", "one", 10))
        assert not await parts.bot.take(Message("m1", "ana", "one", 10))
        await parts.settle()
        assert not await parts.bot.take(Message("m1", "ana", "one", 10))
        await parts.settle()

    world.run(story)
    assert len(world.sent) == 1


def test_two_messages_taken_at_once_are_both_kept(world: World) -> None:
    async def story(parts: Parts) -> None:
        takes = [parts.bot.take(Message(f"m{n}", "ana", str(n), 10)) for n in range(4)]
        assert await asyncio.gather(*takes) == [True] * 4
        await parts.settle()

    world.run(story)
    assert len(world.sent) == 1
    assert sorted(world.sent[0][1][9:-15].split(" / ")) == ["0", "1", "2", "3"]


def test_a_user_has_one_turn_at_a_time(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10))
        await parts.settle_unreviewed(20)
        await parts.hear(("m2", "ana", "two", 30), ("n1", "ben", "three", 30))
        await parts.settle_unreviewed(40)
        assert [turn.id for turn in await parts.flow.waiting()] == ["m1", "n1"]
        await parts.settle(40)

    world.run(story)
    assert [one for one, _ in world.sent] == ["m1", "n1", "m2"]


def test_what_is_waiting_is_in_the_write_ahead_queue(world: World, redis_client: Redis) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10))
        assert redis_client.hlen("companion:write-ahead") == 1
        await parts.settle_unreviewed()
        assert redis_client.hlen("companion:write-ahead") == 0

    world.run(story)


def test_an_old_message_that_comes_again_after_its_memory_faded_is_dropped(
    world: World, redis_client: Redis
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10))
        await parts.settle()
        redis_client.delete("companion:seen:m1")
        await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 10))
        await parts.settle()

    world.run(story)
    assert [one for one, _ in world.sent] == ["m1", "m2"]
    assert redis_client.hlen("companion:write-ahead") == 0


def test_what_comes_again_after_all_memory_of_it_faded_is_not_sent_again(
    world: World, redis_client: Redis, redis_server: RedisServer
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10))
        await parts.settle()
        redis_server.advance(SEEN_SECONDS + 60)
        assert not redis_client.exists("companion:seen:m1", "companion:turn:m1")
        await parts.hear(("m1", "ana", "one", 10))
        await parts.settle()
        assert parts.bot.sent_before == 1

    world.run(story)
    assert len(world.sent) == 1


def test_a_message_that_was_taken_changes_nothing_when_it_comes_again(
    world: World, redis_server: RedisServer
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 11))
        before = redis_server.snapshot()
        await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 11))
        assert redis_server.snapshot() == before

    world.run(story)
