"""The bot: takes messages, and moves every open turn on until only people can.

There is no separate recovery. A round looks up in Redis what is open and does the next step of
each turn; after a crash the first round simply finds more of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from companion import constitution, model
from companion.constants import MODELS_AT_ONCE
from companion.errors import ModelError, handle_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from companion.message import Message, Turn
    from companion.model import Model
    from companion.pacing import Pacing
    from companion.protocol import SilenceProtocol
    from companion.review import Decision, Flow
    from companion.transport import SentLog

log = logging.getLogger("companion")

# Called with the name of a step immediately before the bot takes that step:
# enqueue, model, guard, review, send, mark.
Reached = Callable[[str], None]


class Reviewer(Protocol):
    """Decides about an answer; None leaves it waiting."""

    # `refused` is the rule that the reviewer's last edit of this turn broke, or empty.
    async def __call__(self, turn: Turn, refused: str, /) -> Decision | None: ...


async def nobody(_turn: Turn, _refused: str) -> Decision | None:
    """The reviewer of a bot whose reviewer is away."""
    return None


def unobserved(_step: str) -> None:
    """The hook of a bot that nobody watches."""


class Bot:
    """Joins the parts; `on_sent` is told of each answer that was really sent now."""

    def __init__(
        self,
        pacing: Pacing,
        protocol: SilenceProtocol,
        flow: Flow,
        language_model: Model,
        sent_log: SentLog,
        *,
        model_seconds: float,
        on_sent: Callable[[Turn], None],
        reached: Reached = unobserved,
    ) -> None:
        self.pacing = pacing
        self.protocol = protocol
        self.flow = flow
        self.unanswered: set[str] = set()
        self.sent_before = 0
        self._model = language_model
        self._sent_log = sent_log
        self._model_seconds = model_seconds
        self._on_sent = on_sent
        self._reached = reached

    async def take(self, message: Message) -> bool:
        """Store an incoming message; False if it was taken before."""
        self._reached("enqueue")
        return await self.pacing.take(message)

    async def settle(self, now: float, reviewer: Reviewer = nobody) -> None:
        """Do all that can be done at the time `now`, in seconds."""
        while await self._round(now, reviewer):
            pass
        await self.flow.check()

    async def decide(self, turn: Turn, decision: Decision) -> str:
        """Carry out the reviewer's decision; the broken rule if an edit is refused, or empty.

        A turn whose user was silenced meanwhile is held instead of approved.
        """
        if decision.action == "reject":
            await self.flow.reject(turn)
            return ""
        if await self._held(turn):
            return ""
        text = decision.text if decision.action == "edit" else turn.answer
        verdict = constitution.judge(text)
        if verdict.action == "block":
            log.warning("turn %s: the text is refused by the rule %s", turn.id, verdict.rule)
            return verdict.rule
        await self.flow.approve(turn, text)
        return ""

    async def _round(self, now: float, reviewer: Reviewer) -> bool:
        _stop_if_cancelled()
        before = self.flow.restored
        formed = await self.pacing.form_due(now)
        work = [turn for turn in await self.flow.work() if turn.id not in self.unanswered]
        await _each(self._prepare, [turn for turn in work if turn.step != "approved"])
        for turn in work:
            if turn.step == "approved":
                await self._send(turn)
        reviewed = await self._review(reviewer)
        return bool(formed or work or reviewed or self.flow.restored > before)

    async def _prepare(self, turn: Turn) -> None:
        with handle_errors(log, f"turn {turn.id} has no answer yet", absorb=(ModelError,)):
            try:
                await self._answer(turn)
            except ModelError:
                self.unanswered.add(turn.id)
                raise

    async def _answer(self, turn: Turn) -> None:
        if await self._held(turn):
            return
        answer = turn.answer
        if turn.step == "batched":
            history = await self.flow.history(turn.user)
            self._reached("model")
            answer = await model.ask(self._model, turn, history, self._model_seconds)
            await self.flow.answered(turn, answer)
        self._reached("guard")
        verdict = constitution.judge(answer)
        if verdict.action == "block":
            log.warning("turn %s: the answer is blocked by the rule %s", turn.id, verdict.rule)
            await self.flow.blocked(turn, verdict)
            return
        self._reached("review")
        await self.flow.to_review(turn, verdict)

    async def _held(self, turn: Turn) -> bool:
        if not await self.protocol.is_silenced(turn.user):
            return False
        await self.flow.quarantine(turn)
        # A lift that came between the question and the move found nothing to put back.
        await self.protocol.release(turn.user)
        return True

    async def _review(self, reviewer: Reviewer) -> int:
        decided = 0
        for turn in await self.flow.waiting():
            refused = ""
            while (decision := await reviewer(turn, refused)) is not None:
                refused = await self.decide(turn, decision)
                if not refused:
                    decided += 1
                    break
        return decided

    async def _send(self, turn: Turn) -> None:
        # What was sent before a crash is only marked: to hold it would answer it twice.
        if not self._sent_log.has(turn.id) and await self._held(turn):
            return
        self._reached("send")
        sent = await asyncio.to_thread(self._sent_log.deliver, turn.id, turn.user, turn.answer)
        if sent:
            self._on_sent(turn)
        else:
            self.sent_before += 1
        self._reached("mark")
        await self.flow.sent(turn)


def _stop_if_cancelled() -> None:
    # redis-py waits with asyncio.wait_for, which before Python 3.12 can swallow a Ctrl-C.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _each(work: Callable[[Turn], Awaitable[None]], turns: Iterable[Turn]) -> None:
    """`work` on all turns, a few at once; the first error stops the rest and is raised."""
    room = asyncio.Semaphore(MODELS_AT_ONCE)

    async def one(turn: Turn) -> None:
        async with room:
            await work(turn)

    tasks = [asyncio.create_task(one(turn)) for turn in turns]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
