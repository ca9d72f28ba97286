"""Each reply to a write of the bot is lost once: the client repeats it, and nothing is doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from companion import constitution
from companion.message import Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_nadia.redis.faults import RedisFaults

    from companion.message import Turn

    Parts = Any
    World = Any
    Step = Callable[[Parts], Awaitable[object]]

pytestmark = pytest.mark.integration

REVIEW = constitution.judge("My medication")


async def nothing(_parts: Parts) -> None:
    """An empty Redis will do."""


async def hear(parts: Parts) -> None:
    await parts.hear(("m1", "ana", "one", 10), ("m2", "ana", "two", 11))


async def form(parts: Parts) -> None:
    await hear(parts)
    assert await parts.pacing.form_due(20) == 1


async def answer(parts: Parts) -> None:
    await form(parts)
    await parts.flow.answered(await work(parts), "An answer")


async def to_review(parts: Parts) -> None:
    await answer(parts)
    await parts.flow.to_review(await work(parts), REVIEW)


async def approve(parts: Parts) -> None:
    await to_review(parts)
    await parts.flow.approve(await waiting(parts), "An answer")


async def silence(parts: Parts) -> None:
    await hear(parts)
    await parts.protocol.silence("ana", "insults")


async def hold(parts: Parts) -> None:
    await silence(parts)
    await parts.settle()
    await parts.hear(("m3", "ana", "three", 30))


async def lose_a_turn(parts: Parts) -> None:
    await form(parts)
    await parts.state.client.delete("companion:turn:m1")


async def work(parts: Parts) -> Turn:
    turn: Turn
    (turn,) = await parts.flow.work()
    return turn


async def waiting(parts: Parts) -> Turn:
    turn: Turn
    (turn,) = await parts.flow.waiting()
    return turn


async def block(parts: Parts) -> None:
    await parts.flow.blocked(await work(parts), constitution.judge("I love you"))


async def reject(parts: Parts) -> None:
    await parts.flow.reject(await waiting(parts))


async def sent(parts: Parts) -> None:
    await parts.flow.sent(await work(parts))


async def quarantine(parts: Parts) -> None:
    await parts.flow.quarantine(await work(parts))


async def whole(parts: Parts) -> None:
    await hear(parts)
    await parts.settle(20)


# What is done, and what has to be there before.
OPERATIONS: dict[str, tuple[Step, Step]] = {
    "start": (lambda parts: parts.state.open(), nothing),
    "take": (lambda parts: parts.bot.take(Message("m3", "ana", "three", 12)), hear),
    "form": (lambda parts: parts.pacing.form_due(20), hear),
    "answer": (answer, nothing),
    "block": (block, answer),
    "to review": (to_review, nothing),
    "approve": (approve, nothing),
    "reject": (reject, to_review),
    "sent": (sent, approve),
    "hold": (quarantine, approve),
    "restore": (lambda parts: parts.flow.work(), lose_a_turn),
    "ask": (lambda parts: parts.protocol.is_silenced("ana"), nothing),
    "silence": (silence, nothing),
    "lift": (lambda parts: parts.protocol.lift("ana", "apologised"), hold),
    "release": (lambda parts: parts.protocol.release("ana"), hold),
    "garbage": (lambda parts: parts.state.garbage("companion:work", "nobody"), nothing),
    "from beginning to end": (whole, nothing),
}


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("name", OPERATIONS)
def test_it_is_done_once_also_when_a_reply_is_lost(
    world: World, assert_retry_safe: Callable[..., Any], name: str
) -> None:
    operation, before = OPERATIONS[name]

    async def story(parts: Parts) -> None:
        async def setup() -> None:
            (world.directory / "store.sqlite3").unlink(missing_ok=True)
            await parts.state.open()
            await before(parts)

        async def once() -> object:
            return await operation(parts)

        report = await assert_retry_safe(once, setup=setup)
        assert {outcome.verdict for outcome in report.outcomes} == {"safe"}

    world.run(story)


@pytest.mark.usefixtures("no_pauses")
def test_what_was_done_is_told_also_when_the_reply_is_lost(
    world: World, redis_faults: RedisFaults
) -> None:
    async def story(parts: Parts) -> None:
        with redis_faults.lose_reply("EVALSHA"):
            assert await parts.bot.take(Message("m1", "ana", "one", 10))
        assert not await parts.bot.take(Message("m1", "ana", "one", 10))
        with redis_faults.lose_reply("EVALSHA"):
            assert await parts.pacing.form_due(20) == 1
        assert await parts.pacing.form_due(20) == 0

    world.run(story)
