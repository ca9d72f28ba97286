"""A user is silenced while a turn of theirs is open, at whatever step it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio.connection import AbstractConnection

from companion.review import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration

# Of the commands of a story each one so many is tried; 1 tries all of them, in two minutes.
STRIDE = 41
STEPS = ("answered", "review", "approved")
MESSAGES = (("m1", "ana", "one", 10), ("m2", "ana", "two", 11), ("m3", "ana", "three", 30))


async def bring_to(parts: Parts, step: str) -> None:
    """The turn m1 at `step`, its user silenced, and another user's message."""
    await parts.hear(*MESSAGES, ("n1", "ben", "Hi", 40))
    if step == "answered":
        assert await parts.pacing.form_due(20) == 1
        (turn,) = await parts.flow.work()
        await parts.flow.answered(turn, "An answer")
    else:
        await parts.settle_unreviewed(20)
        (turn,) = await parts.flow.waiting()
    if step == "approved":
        await parts.flow.approve(turn, turn.answer)
    await parts.protocol.silence("ana", "insults")


async def held(parts: Parts) -> list[tuple[str, str, str, float]]:
    return [(one.id, one.user, one.text, one.at) for one in await parts.protocol.held("ana")]


def is_all_done(redis: Redis) -> bool:
    keys = ("write-ahead", "due", "busy", "work", "review", "held:ana", "garbage")
    return not any(redis.exists(f"companion:{key}") for key in keys)


@pytest.mark.parametrize("step", STEPS)
def test_an_open_turn_is_held_and_answered_after_the_lift(
    world: World, redis_client: Redis, step: str
) -> None:
    async def story(parts: Parts) -> None:
        await bring_to(parts, step)
        await asyncio.wait_for(parts.settle(), 20)
        assert [one for one, _ in world.sent] == ["n1"]
        assert await held(parts) == list(MESSAGES)
        await parts.protocol.lift("ana", "apologised")
        await parts.settle()

    world.run(story)
    assert world.sent[1:] == [
        ("m1", 'You say "one / two" Tell me more.'),
        ("m3", 'You say "three" Tell me more.'),
    ]
    assert is_all_done(redis_client)


def test_an_edit_is_no_way_around_the_silence(world: World) -> None:
    async def story(parts: Parts) -> None:
        await bring_to(parts, "review")
        (turn,) = await parts.flow.waiting()
        assert await parts.bot.decide(turn, Decision("edit", "Good day")) == ""
        assert await held(parts) == list(MESSAGES[:2])

    world.run(story)


def test_a_rejected_turn_of_a_silenced_user_is_not_held(world: World) -> None:
    async def story(parts: Parts) -> None:
        await bring_to(parts, "review")
        (turn,) = await parts.flow.waiting()
        await parts.bot.decide(turn, Decision("reject"))
        assert await held(parts) == []

    world.run(story)


def test_a_user_silenced_while_the_model_thinks_is_not_answered(world: World) -> None:
    parts_of: list[Parts] = []

    async def model(_user: str, text: str, _history: Sequence[object]) -> str:
        await parts_of[0].protocol.silence("ana", "insults")
        return text

    async def story(parts: Parts) -> None:
        parts_of.append(parts)
        await parts.hear(MESSAGES[0])
        await parts.settle()
        assert await held(parts) == [MESSAGES[0]]

    world.run(story, model=model)
    assert world.sent == []


def test_what_was_sent_before_the_silence_is_not_held(world: World, redis_client: Redis) -> None:
    def crash(name: str) -> None:
        if name == "mark":
            raise KeyboardInterrupt

    async def before(parts: Parts) -> None:
        await parts.hear(MESSAGES[0])
        await parts.settle()

    async def after(parts: Parts) -> None:
        await parts.protocol.silence("ana", "insults")
        await parts.settle()
        assert await held(parts) == []

    with pytest.raises(KeyboardInterrupt):
        world.run(before, reached=crash)
    world.run(after)
    assert [one for one, _ in world.sent] == ["m1"]
    assert redis_client.hget("companion:turn:m1", "step") == b"sent"
    assert redis_client.llen("companion:history:ana") == 2


class Crash(BaseException):
    """The process is gone; nothing after it is done."""


class CrashAt:
    """Crashes just before the command, or just after the reply, with the number `count`."""

    def __init__(self, kind: str, count: int, patch: pytest.MonkeyPatch) -> None:
        self.kind, self.left = kind, count
        send, read = AbstractConnection.send_packed_command, AbstractConnection.read_response

        async def counted_send(connection: Any, *args: Any, **kwargs: Any) -> None:
            self.at("command")
            await send(connection, *args, **kwargs)

        async def counted_read(connection: Any, *args: Any, **kwargs: Any) -> Any:
            reply = await read(connection, *args, **kwargs)
            self.at("reply")
            return reply

        patch.setattr(AbstractConnection, "send_packed_command", counted_send)
        patch.setattr(AbstractConnection, "read_response", counted_read)

    def at(self, kind: str) -> None:
        if kind == self.kind:
            self.left -= 1
            if self.left == 0:
                raise Crash


async def hold_and_lift(parts: Parts) -> None:
    """What an operator repeats until it has worked."""
    await parts.protocol.recover()
    await parts.settle()
    await parts.protocol.lift("ana", "apologised")
    await parts.settle()


# It tells the same story many times.
@pytest.mark.redis(lints={"repeated-command": "off"})
@pytest.mark.parametrize("kind", ["command", "reply"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_while_a_turn_is_held_or_lifted_loses_and_doubles_nothing(
    world: World, redis_client: Redis, step: str, kind: str
) -> None:
    for count in range(STEPS.index(step) + 1, 1000, STRIDE):
        world.sent.clear()
        (world.directory / "sent.jsonl").unlink(missing_ok=True)
        redis_client.flushdb()
        world.run(lambda parts: bring_to(parts, step))
        with pytest.MonkeyPatch.context() as patch:
            crash = CrashAt(kind, count, patch)
            with suppress(Crash):
                world.run(hold_and_lift)
        world.run(hold_and_lift)
        assert sorted(one for one, _ in world.sent) == ["m1", "m3", "n1"], count
        assert is_all_done(redis_client), count
        if crash.left > 0:
            return
    raise AssertionError("the story never ended by itself")
