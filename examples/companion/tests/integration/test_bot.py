from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from companion.errors import StateLost
from companion.review import Decision, Spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from companion.message import Turn

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration


def test_the_steps_are_announced_in_their_order(world: World) -> None:
    steps: list[str] = []

    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await parts.settle()

    world.run(story, reached=steps.append)
    assert steps == ["enqueue", "model", "guard", "review", "send", "mark"]
    assert world.sent == [("m1", "Hello! What is on your mind today?")]


def test_nothing_is_sent_without_a_reviewer(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await parts.settle_unreviewed()
        assert [turn.id for turn in await parts.flow.waiting()] == ["m1"]

    world.run(story)
    assert world.sent == []


def test_a_rejected_answer_is_not_sent(world: World, redis_client: Redis) -> None:
    async def reject(_turn: Turn, _refused: str) -> Decision:
        return Decision("reject")

    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await parts.bot.settle(1e9, reject)
        assert await parts.flow.waiting() == []

    world.run(story)
    assert world.sent == []
    assert redis_client.hget("companion:turn:m1", "step") == b"rejected"
    assert 0 < redis_client.ttl("companion:turn:m1") <= 30 * 86_400


def test_an_edit_is_sent_if_the_guard_lets_it_through(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await parts.settle_unreviewed()
        (turn,) = await parts.flow.waiting()
        assert await parts.bot.decide(turn, Decision("edit", "I love you")) == "romance"
        assert await parts.bot.decide(turn, Decision("edit", "")) == "length"
        assert [one.id for one in await parts.flow.waiting()] == ["m1"]
        assert await parts.bot.decide(turn, Decision("edit", "Good day")) == ""
        await parts.settle_unreviewed()

    world.run(story)
    assert world.sent == [("m1", "Good day")]


def test_a_blocked_answer_never_reaches_the_reviewer(world: World, redis_client: Redis) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "I love you", 10), ("m2", "ana", "Hi", 20))
        await parts.settle_unreviewed()
        assert [turn.id for turn in await parts.flow.waiting()] == ["m2"]

    world.run(story)
    assert redis_client.hmget("companion:turn:m1", "step", "rule") == [b"blocked", b"romance"]


def test_the_reviewer_sees_the_delicate_answers_first(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(
            ("m1", "ana", "Hi", 10), ("n1", "ben", "My medication", 10), ("o1", "cleo", "Hi", 10)
        )
        await parts.settle_unreviewed()
        found = [(turn.id, turn.rule) for turn in await parts.flow.waiting()]
        assert found == [("n1", "sensitive"), ("m1", ""), ("o1", "")]

    world.run(story)


def test_an_approved_answer_that_the_guard_no_longer_lets_through_is_refused(
    world: World, redis_client: Redis
) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await parts.settle_unreviewed()
        redis_client.hset("companion:turn:m1", "answer", "I love you")
        await parts.settle()

    world.run(story)
    assert world.sent == []


def test_the_model_hears_the_history_and_it_is_kept_short(
    world: World, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("companion.review.HISTORY_ENTRIES", 6)
    heard: list[Sequence[Spoken]] = []

    async def model(_user: str, text: str, history: Sequence[Spoken]) -> str:
        heard.append(history)
        return text.upper()

    async def story(parts: Parts) -> None:
        for n in range(6):
            await parts.hear((f"m{n}", "ana", f"say {n}", n * 100))
            await parts.settle(n * 100 + 50)

    world.run(story, model=model)
    assert heard[0] == []
    assert heard[1] == [Spoken("user", "say 0"), Spoken("companion", "SAY 0")]
    assert [one.text for one in heard[-1][::2]] == ["say 2", "say 3", "say 4"]
    assert redis_client.llen("companion:history:ana") == 6
    assert redis_client.ttl("companion:history:ana") > 0


def test_a_model_that_fails_keeps_the_turn_for_the_next_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("companion.model.MODEL_PAUSE", 0)

    async def down(user: str, text: str, _history: Sequence[Spoken]) -> str:
        if user == "ana":
            raise RuntimeError("out of order")
        return text

    async def before(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10), ("n1", "ben", "Hi", 10))
        await parts.settle()
        assert parts.bot.unanswered == {"m1"}

    async def after(parts: Parts) -> None:
        await parts.settle()

    world.run(before, model=down)
    assert [one for one, _ in world.sent] == ["n1"]
    world.run(after)
    assert [one for one, _ in world.sent] == ["n1", "m1"]


def test_an_error_in_one_turn_stops_the_bot_and_leaves_no_task_behind(world: World) -> None:
    async def hang(user: str, _text: str, _history: Sequence[Spoken]) -> str:
        if user == "ana":
            raise asyncio.CancelledError
        await asyncio.sleep(3600)
        return ""

    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10), ("n1", "ben", "Hi", 10))
        with pytest.raises(asyncio.CancelledError):
            await parts.settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    world.run(story, model=hang)


# Each try looks into the same queues until it is cancelled.
@pytest.mark.redis(lints={"repeated-command": "off"})
def test_a_cancellation_is_never_swallowed(world: World) -> None:
    async def endless(parts: Parts) -> None:
        while True:
            await parts.settle()

    async def story(parts: Parts) -> None:
        for ticks in range(60):
            task = asyncio.create_task(endless(parts))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            assert (await asyncio.wait([task], timeout=10))[0] == {task}
            assert task.cancelled()

    world.run(story)


def test_a_turn_that_was_moved_by_someone_else_is_not_moved_again(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.hear(("m1", "ana", "Hi", 10))
        await parts.settle_unreviewed()
        (turn,) = await parts.flow.waiting()
        await parts.flow.reject(turn)
        await parts.flow.reject(turn)
        with pytest.raises(StateLost, match="turn m1 is at 'rejected'"):
            await parts.flow.approve(turn, "Hello")

    world.run(story)
