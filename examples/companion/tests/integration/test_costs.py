"""What the bot asks of Redis: each message so much, however many others there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from companion.message import Message
from companion.state import State

if TYPE_CHECKING:
    from pytest_nadia.redis.instance import RedisServer
    from pytest_nadia.redis.ledger import RedisLedger

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration


async def warm_up(parts: Parts) -> None:
    """Redis knows the scripts, and the connections are open."""
    await parts.hear(("w1", "wolf", "Hi", 1))
    await parts.settle(9)


def test_a_message_is_taken_in_three_round_trips(world: World, redis_ledger: RedisLedger) -> None:
    async def story(parts: Parts) -> None:
        await warm_up(parts)
        with redis_ledger.budget(commands=2, round_trips=2):
            await parts.hear(("m1", "ana", "one", 10))
        for n in range(2, 5):
            with redis_ledger.budget(commands=3, round_trips=3):
                await parts.hear((f"m{n}", "ana", "more", 10))

    world.run(story)


def test_an_idle_round_is_four_round_trips(world: World, redis_ledger: RedisLedger) -> None:
    async def story(parts: Parts) -> None:
        await warm_up(parts)
        with redis_ledger.budget(round_trips=4):
            await parts.settle(10)

    world.run(story)


def test_a_message_from_its_arrival_to_its_end(world: World, redis_ledger: RedisLedger) -> None:
    async def story(parts: Parts) -> None:
        await warm_up(parts)
        with redis_ledger.budget(round_trips=31):
            await parts.hear(("m1", "ana", "one", 10))
            await parts.settle()

    world.run(story)
    assert [one for one, _ in world.sent] == ["w1", "m1"]


@pytest.mark.parametrize("queue", ["work", "waiting"])
def test_a_queue_is_read_in_two_round_trips_however_long(
    world: World, redis_ledger: RedisLedger, queue: str
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(*((f"m{n}", f"user {n}", "Hi", 10) for n in range(12)))
        await parts.pacing.form_due(20)
        if queue == "waiting":
            await parts.settle_unreviewed(20)
        with redis_ledger.budget(commands=13, round_trips=2):
            assert len(await getattr(parts.flow, queue)()) == 12

    world.run(story)


def test_a_message_in_a_crowd_costs_no_more_than_alone(
    world: World, redis_ledger: RedisLedger
) -> None:
    costs = []

    async def story(parts: Parts) -> None:
        await warm_up(parts)
        for start, size in ((100, 1), (200, 11)):
            with redis_ledger.budget(round_trips=500) as budget:
                await parts.hear(
                    *((f"m{start + n}", f"u{start + n}", "Hi", 10) for n in range(size))
                )
                await parts.settle(start)
            costs.append(budget.round_trips)

    world.run(story)
    alone, crowd = costs
    # The queues are looked into once for all of them.
    assert crowd - alone <= 10 * 17


def test_the_start_is_three_round_trips(
    redis_server: RedisServer, redis_ledger: RedisLedger, world: World
) -> None:
    async def story(parts: Parts) -> None:
        with redis_ledger.budget(round_trips=3):
            await State(parts.state.client).open()

    world.run(story)


def test_a_repeated_message_costs_no_more_than_a_new_one(
    world: World, redis_ledger: RedisLedger
) -> None:
    async def story(parts: Parts) -> None:
        await warm_up(parts)
        with redis_ledger.budget(round_trips=2):
            assert not await parts.bot.take(Message("w1", "wolf", "Hi", 1))

    world.run(story)
