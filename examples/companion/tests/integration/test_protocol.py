from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import RedisError

from companion.errors import StoreError
from companion.protocol import SilenceProtocol, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_nadia.redis.faults import RedisFaults
    from pytest_nadia.redis.instance import RedisServer
    from pytest_nadia.redis.ledger import RedisLedger
    from redis import Redis

    from companion.message import Turn

    Parts = Any
    World = Any

pytestmark = pytest.mark.integration


def test_a_silenced_user_is_held_and_answered_after_the_lift(world: World) -> None:
    async def story(parts: Parts) -> None:
        assert await parts.protocol.silence("ana", "insults")
        await parts.hear(("m1", "ana", "one", 10), ("n1", "ben", "two", 10))
        await parts.settle(20)
        await parts.hear(("m2", "ana", "three", 30))
        await parts.settle(40)
        assert [one for one, _ in world.sent] == ["n1"]
        assert [one.id for one in await parts.protocol.held("ana")] == ["m1", "m2"]
        await parts.hear(("m3", "ana", "four", 41))
        assert await parts.protocol.lift("ana", "apologised")
        await parts.settle()
        assert await parts.protocol.held("ana") == []

    world.run(story)
    assert [one for one, _ in world.sent] == ["n1", "m1", "m2", "m3"]


def test_who_did_what_stays_in_the_audit_trail(world: World) -> None:
    store = SqliteStore(world.directory / "store.sqlite3")

    async def story(parts: Parts) -> None:
        assert await parts.protocol.silence("ana", "insults")
        assert not await parts.protocol.silence("ana", "again")
        assert await parts.protocol.lift("ana", "apologised")
        assert not await parts.protocol.lift("ana", "again")
        found = [(one.action, one.reason) for one in await store.audit("ana")]
        assert found == [("silence", "insults"), ("lift", "apologised")]
        assert await store.audit("ben") == []

    world.run(story)


def test_the_store_is_asked_once_in_the_life_of_a_cache_entry(
    world: World, redis_client: Redis, redis_server: RedisServer
) -> None:
    async def story(parts: Parts) -> None:
        assert not await parts.protocol.is_silenced("ana")
        assert 0 < redis_client.ttl("companion:silence:ana") <= 60
        with sqlite3.connect(world.directory / "store.sqlite3") as db:
            db.execute("INSERT INTO silenced VALUES ('ana')")
        db.close()
        redis_server.advance(30)
        assert not await parts.protocol.is_silenced("ana")
        redis_server.advance(30)
        assert await parts.protocol.is_silenced("ana")
        assert await parts.protocol.is_silenced("ana")

    world.run(story)


def test_a_cached_status_costs_one_round_trip_and_changes_nothing(
    world: World, redis_server: RedisServer, redis_ledger: RedisLedger
) -> None:
    async def story(parts: Parts) -> None:
        await parts.protocol.silence("ana", "")
        before = redis_server.snapshot()
        with redis_ledger.budget(commands=1, round_trips=1):
            assert await parts.protocol.is_silenced("ana")
        assert redis_server.snapshot() == before

    world.run(story)


@pytest.mark.parametrize("fault", ["hang", "down"])
def test_a_change_of_which_redis_does_not_hear_is_told_and_the_store_has_it(
    world: World, redis_faults: RedisFaults, fault: str
) -> None:
    world.seconds, world.retries = 0.05, 0

    async def before(parts: Parts) -> None:
        with getattr(redis_faults, fault)(), pytest.raises(RedisError):
            await parts.protocol.silence("ana", "insults")

    async def after(parts: Parts) -> None:
        assert await parts.protocol.is_silenced("ana")
        assert not await parts.protocol.silence("ana", "again")

    world.run(before)
    world.run(after)


@pytest.mark.parametrize("garbage", ["2", "yes", ""])
def test_garbage_in_the_cache_is_no_answer(world: World, redis_client: Redis, garbage: str) -> None:
    async def story(parts: Parts) -> None:
        await parts.protocol.silence("ana", "")
        redis_client.set("companion:silence:ana", garbage)
        assert await parts.protocol.is_silenced("ana")
        redis_client.delete("companion:silence:ana")
        redis_client.rpush("companion:silence:ana", "x")
        assert await parts.protocol.is_silenced("ana")

    world.run(story)


def test_a_lift_that_was_interrupted_is_finished_at_the_next_start(world: World) -> None:
    async def before(parts: Parts) -> None:
        await parts.protocol.silence("ana", "")
        await parts.protocol.silence("ben", "")
        await parts.hear(("m1", "ana", "one", 10), ("n1", "ben", "two", 10))
        await parts.settle()
        store = SqliteStore(world.directory / "store.sqlite3")
        await store.change("ana", silenced=False, reason="and then the power failed")

    async def after(parts: Parts) -> None:
        await parts.protocol.recover()
        await parts.settle()

    world.run(before)
    world.run(after)
    assert [one for one, _ in world.sent] == ["m1"]


def test_a_crowd_of_held_messages_comes_back_in_order(world: World) -> None:
    async def story(parts: Parts) -> None:
        await parts.protocol.silence("ana", "")
        await parts.hear(*((f"m{n}", "ana", str(n), n) for n in range(23)))
        await parts.settle()
        await parts.protocol.lift("ana", "")
        await parts.settle()

    world.run(story)
    said = [word for _, text in world.sent for word in text[9:-15].split(" / ")]
    assert said == [str(n) for n in range(23)]


def test_a_store_that_cannot_be_read_silences_the_bot(world: World) -> None:
    async def story(parts: Parts) -> None:
        broken = SilenceProtocol(parts.state, SqliteStore(Path("/nowhere/store")), 60)
        with pytest.raises(StoreError, match="COMPANION_STORE"):
            await broken.is_silenced("ana")

    world.run(story)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"not a database, certainly not" * 100)
    with pytest.raises(StoreError, match=r"store\.sqlite3 cannot be used"):
        asyncio.run(SqliteStore(path).is_silenced("ana"))


class AskedMeanwhile(SqliteStore):
    """While it answers "is_silenced", `meanwhile` happens once."""

    meanwhile: Callable[[], Awaitable[bool]] | None = None

    async def is_silenced(self, user: str) -> bool:
        found = await super().is_silenced(user)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return found


@pytest.mark.parametrize("last", ["silence", "lift"])
def test_what_the_store_said_before_a_change_is_not_remembered_after_it(
    world: World, redis_client: Redis, last: str
) -> None:
    store = AskedMeanwhile(world.directory / "store.sqlite3")

    async def story(parts: Parts) -> None:
        await (parts.protocol.lift if last == "silence" else parts.protocol.silence)("ana", "")
        redis_client.delete("companion:silence:ana")
        store.meanwhile = lambda: getattr(parts.protocol, last)("ana", "meanwhile")
        slow = SilenceProtocol(parts.state, store, 60)
        assert await slow.is_silenced("ana") == (last == "silence")
        assert await parts.protocol.is_silenced("ana") == (last == "silence")
        assert 0 < redis_client.ttl("companion:silence:ana") <= 60

    world.run(story)


@pytest.mark.parametrize("last", ["silence", "lift"])
def test_of_two_changes_at_once_the_cache_remembers_the_one_in_the_store(
    world: World, last: str
) -> None:
    store = AskedMeanwhile(world.directory / "store.sqlite3")

    async def story(parts: Parts) -> None:
        slow = SilenceProtocol(parts.state, store, 60)
        store.meanwhile = lambda: getattr(parts.protocol, last)("ana", "meanwhile")
        await (slow.lift if last == "silence" else slow.silence)("ana", "first")
        assert await parts.protocol.is_silenced("ana") == (last == "silence")

    world.run(story)


def test_a_lift_between_the_question_and_the_hold_leaves_nobody_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(parts: Parts) -> None:
        await parts.protocol.silence("ana", "")
        quarantine = parts.flow.quarantine

        async def late(turn: Turn) -> None:
            await parts.protocol.lift("ana", "just now")
            await quarantine(turn)

        monkeypatch.setattr(parts.flow, "quarantine", late)
        await parts.hear(("m1", "ana", "one", 10))
        await parts.settle()
        assert await parts.protocol.held("ana") == []

    world.run(story)
    assert [one for one, _ in world.sent] == ["m1"]
