"""The way of a turn: answered, reviewed by a person, sent. Each move is atomic and happens once.

batched -> answered -> review -> approved -> sent, with the other ends quarantined, blocked
and rejected. A turn stands in the work queue while the bot has something to do for it and in
the review queue while a person has; nobody pops, a turn leaves a queue when it moves on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from companion.constants import (
    BUSY,
    ENDED_TURN_SECONDS,
    HELD,
    HISTORY,
    HISTORY_ENTRIES,
    HISTORY_SECONDS,
    REVIEW,
    TURN,
    WORK,
    WRITE_AHEAD,
)
from companion.errors import StateLost
from companion.message import Turn, loads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from companion.constitution import Verdict
    from companion.pacing import Pacing
    from companion.state import Arguments, State

# `step` is written last: whatever stops the script before that, it can run again.
MOVE = """
local turn, work, review, busy, ahead, list = unpack(KEYS, 2)
local id, user, from, to, place, score, ttl, most, list_ttl, fields, done = unpack(ARGV, 2, 12)
local step = redis.call('HGET', turn, 'step')
if step == to then return 'moved' end
if step ~= from then return tostring(step) end
local i = 13
for _ = 1, tonumber(fields) do
    redis.call('HSET', turn, ARGV[i], ARGV[i + 1])
    i = i + 2
end
for _ = 1, tonumber(done) do
    redis.call('HDEL', ahead, ARGV[i])
    i = i + 1
end
redis.call('ZREM', work, id)
redis.call('ZREM', review, id)
if place == 'work' then redis.call('ZADD', work, score, id) end
if place == 'review' then redis.call('ZADD', review, score, id) end
if place == 'end' then
    if redis.call('HGET', busy, user) == id then redis.call('HDEL', busy, user) end
    redis.call('EXPIRE', turn, ttl)
end
local pushed = i <= #ARGV
for n = i, #ARGV do redis.call('RPUSH', list, ARGV[n]) end
if pushed and tonumber(most) > 0 then
    redis.call('LTRIM', list, -tonumber(most), -1)
    redis.call('EXPIRE', list, list_ttl)
end
redis.call('HSET', turn, 'step', to)
return 'moved'
"""

Place = Literal["work", "review", "end"]
URGENT, ORDINARY = 0, 1
_PRIORITY_GAP = 2**40


@dataclass(frozen=True)
class Decision:
    """What the reviewer decides about an answer; `text` is the new answer of an edit."""

    action: Literal["approve", "reject", "edit"]
    text: str = ""


@dataclass(frozen=True)
class Spoken:
    """One line of a conversation's history; `role` is "user" or "companion"."""

    role: str
    text: str


class Flow:
    """Moves turns through Redis; `restored` counts those whose data had to be given up."""

    def __init__(self, state: State, pacing: Pacing) -> None:
        self._state = state
        self._pacing = pacing
        self.restored = 0

    async def check(self) -> None:
        """Raises StateLost if there is nothing to do only because Redis was emptied."""
        await self._state.check()

    async def work(self) -> list[Turn]:
        """The turns for which the bot has something to do, oldest first."""
        return await self._turns(WORK, {"batched", "answered", "approved"})

    async def waiting(self) -> list[Turn]:
        """The turns that wait for a person, most urgent first."""
        return await self._turns(REVIEW, {"review"})

    async def history(self, user: str) -> list[Spoken]:
        """What was said so far, oldest first; entries that cannot be read are left out."""
        found = []
        for line in await self._state.lines(HISTORY + user):
            try:
                entry = loads(line)
                found.append(Spoken(entry["role"], entry["text"]))
            except (ValueError, KeyError, TypeError):
                await self._state.garbage(HISTORY + user, line)
                await self._state.client.lrem(HISTORY + user, 0, line)
        return found

    async def quarantine(self, turn: Turn) -> None:
        """Hold the turn's messages, at whatever step it is, until the silence is lifted."""
        lines = turn.lines or await self._lines(turn)
        await self._state.lines(HELD + turn.user)
        await self._move(turn, turn.step, "quarantined", "end", pushed=lines, kept=0)

    async def answered(self, turn: Turn, answer: str) -> None:
        await self._move(turn, "batched", "answered", "work", {"answer": answer})

    async def blocked(self, turn: Turn, verdict: Verdict) -> None:
        fields = {"verdict": verdict.action, "rule": verdict.rule}
        await self._move(turn, "answered", "blocked", "end", fields)

    async def to_review(self, turn: Turn, verdict: Verdict) -> None:
        # They leave the write-ahead queue now, but the turn may still have to be held.
        lines = json.dumps(await self._lines(turn))
        fields = {"verdict": verdict.action, "rule": verdict.rule, "lines": lines}
        priority = URGENT if verdict.action == "review" else ORDINARY
        await self._move(turn, "answered", "review", "review", fields, priority=priority)

    async def approve(self, turn: Turn, text: str) -> None:
        """Let `text` be sent: the answer, or the reviewer's edit that has passed the guard."""
        await self._move(turn, "review", "approved", "work", {"answer": text})

    async def reject(self, turn: Turn) -> None:
        await self._move(turn, "review", "rejected", "end")

    async def sent(self, turn: Turn) -> None:
        """End the turn and write it into the history of its user."""
        spoken = [{"role": "user", "text": turn.text}, {"role": "companion", "text": turn.answer}]
        lines = [json.dumps({**one, "turn": turn.id}) for one in spoken]
        await self._state.lines(HISTORY + turn.user, 1)
        await self._move(turn, "approved", "sent", "end", pushed=lines, kept=HISTORY_ENTRIES)

    async def _lines(self, turn: Turn) -> list[str]:
        stored = await self._state.client.hmget(WRITE_AHEAD, list(turn.messages))
        return [str(line) for line in stored if line is not None]

    async def _move(
        self,
        turn: Turn,
        step: str,
        to: str,
        place: Place,
        fields: dict[str, str] | None = None,
        *,
        priority: int = 0,
        pushed: Sequence[str] = (),
        kept: int = 0,
    ) -> None:
        pairs = [part for pair in (fields or {}).items() for part in pair]
        done = [] if place == "work" else list(turn.messages)
        side = (HISTORY if kept else HELD) + turn.user
        keys = [TURN + turn.id, WORK, REVIEW, BUSY, WRITE_AHEAD, side]
        score = priority * _PRIORITY_GAP + turn.sequence
        limits = [ENDED_TURN_SECONDS, kept, HISTORY_SECONDS, len(pairs) // 2, len(done)]
        story: Arguments = [
            turn.id,
            turn.user,
            step,
            to,
            place,
            score,
            *limits,
            *pairs,
            *done,
            *pushed,
        ]
        answer = await self._state.run(MOVE, keys, *story)
        if answer != "moved":
            raise StateLost(
                f"turn {turn.id} is at {answer!r} in Redis and not at {step!r}: "
                "its data was changed from outside; start the bot again"
            )

    async def _turns(self, queue: str, steps: set[str]) -> list[Turn]:
        ids = [str(one) for one in await self._state.client.zrange(queue, 0, -1)]
        hashes = await self._state.hashes([TURN + one for one in ids])
        found = []
        for turn_id, fields in zip(ids, hashes, strict=True):
            turn = _turn(turn_id, fields)
            if turn is not None and turn.step in steps:
                found.append(turn)
            else:
                await self._state.garbage(queue, turn_id)
                await self._pacing.restore(turn_id)
                self.restored += 1
        return found


def _turn(turn_id: str, fields: dict[str, str]) -> Turn | None:
    """None if what is stored is not a turn."""
    try:
        return Turn.from_hash(turn_id, fields)
    except (ValueError, KeyError, TypeError):
        return None
