from __future__ import annotations

import asyncio
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from redis.backoff import NoBackoff

from companion.bot import Bot, nobody, unobserved
from companion.config import Settings
from companion.constants import REDIS_RETRIES
from companion.message import Message
from companion.model import answer
from companion.pacing import Pace, Pacing
from companion.protocol import SilenceProtocol, SqliteStore
from companion.redis_connection import RedisConnection
from companion.review import Decision, Flow
from companion.state import State
from companion.transport import SentLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from pytest_nadia.redis.ledger import Connection, RedisLedger

    from companion.bot import Reached, Reviewer
    from companion.message import Turn
    from companion.model import Model

STORY_SECONDS = 10


async def approve(_turn: Turn, refused: str) -> Decision | None:
    """A reviewer who approves what the guard lets through."""
    return Decision("reject" if refused else "approve")


@dataclass
class Parts:
    """A bot on a Redis of its own, and what it is made of."""

    bot: Bot
    state: State
    pacing: Pacing
    protocol: SilenceProtocol
    flow: Flow
    approve: Reviewer = approve

    async def hear(self, *messages: tuple[str, str, str, float]) -> None:
        for one in messages:
            await self.bot.take(Message(*one))

    async def settle(self, now: float = 1e9) -> None:
        await self.bot.settle(now, self.approve)

    async def settle_unreviewed(self, now: float = 1e9) -> None:
        await self.bot.settle(now, nobody)


@dataclass
class World:
    """Starts bots one after the other on the same data; `sent` holds what they sent."""

    url: str
    directory: Path
    sent: list[tuple[str, str]] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    seconds: float = 2.0
    retries: int = REDIS_RETRIES

    @asynccontextmanager
    async def start(
        self, model: Model = answer, reached: Reached = unobserved, **model_settings: Any
    ) -> AsyncIterator[Parts]:
        with ExitStack() as stack:
            log = stack.enter_context(SentLog(self.directory / "sent.jsonl"))
            async with RedisConnection(self.url, self.seconds, self.retries) as connection:
                state = State(connection.client)
                await state.open()
                yield self._parts(state, log, model, reached, **model_settings)

    def run(self, story: Callable[[Parts], Awaitable[None]], **options: Any) -> None:
        async def whole() -> None:
            # A bot that goes round in circles must not hold up the suite.
            async with asyncio.timeout(STORY_SECONDS), self.start(**options) as parts:
                await story(parts)

        asyncio.run(whole())

    def _parts(
        self,
        state: State,
        log: SentLog,
        model: Model,
        reached: Reached,
        model_seconds: float = 5.0,
    ) -> Parts:
        own = self.settings
        pacing = Pacing(state, Pace(own.window, own.max_batch, own.max_wait))
        protocol = SilenceProtocol(state, SqliteStore(self.directory / "store.sqlite3"), 60)
        flow = Flow(state, pacing)
        bot = Bot(
            pacing,
            protocol,
            flow,
            model,
            log,
            model_seconds=model_seconds,
            on_sent=lambda turn: self.sent.append((turn.id, turn.answer)),
            reached=reached,
        )
        return Parts(bot, state, pacing, protocol, flow)


@pytest.fixture
def world(redis_url: str, tmp_path: Path) -> World:
    return World(redis_url, tmp_path)


class Opened:
    """The connections to Redis that a test opened."""

    def __init__(self, ledger: RedisLedger) -> None:
        self._ledger = ledger
        self._before = {one.number for one in ledger.connections}

    def _mine(self) -> list[Connection]:
        return [one for one in self._ledger.connections if one.number not in self._before]

    @property
    def count(self) -> int:
        return len(self._mine())

    @property
    def still_open(self) -> int:
        return sum(one.is_open for one in self._mine())


@pytest.fixture
def opened(redis_ledger: RedisLedger) -> Opened:
    return Opened(redis_ledger)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose reply was lost is repeated at once."""
    monkeypatch.setattr("companion.redis_connection.ExponentialBackoff", lambda **_: NoBackoff())
