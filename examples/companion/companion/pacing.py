"""When a user's messages are answered, and how many of them together.

A batch ends when its user has been silent for `window`, when its first message has waited
`max_wait`, or when it holds `max_batch` messages. The core is a pure function of the times of
arrival, so a batch is the same however late the bot looks, also after a restart.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from companion.constants import (
    BUFFER,
    BUSY,
    DUE,
    REVIEW,
    SEEN,
    SEEN_SECONDS,
    SEQUENCE,
    TURN,
    WORK,
    WRITE_AHEAD,
)
from companion.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from companion.state import Arguments, State

TAKE = """
local seen, ahead, buffer, due = unpack(KEYS, 2, 5)
local id, message, user, due_at, length, ttl, try = unpack(ARGV, 2, 8)
local earlier = redis.pcall('GET', seen)
if earlier == try then return 'taken' end
if earlier then return 'known' end
if redis.call('LLEN', buffer) ~= tonumber(length) then return 'again' end
redis.call('HSET', ahead, id, message)
redis.call('ZADD', due, due_at, user)
redis.call('RPUSH', buffer, id)
redis.call('SET', seen, try, 'EX', ttl)
return 'taken'
"""

FORM = """
local turn, buffer, due, busy, work, sequence, ahead = unpack(KEYS, 2)
local id, user, messages, text, count, length, next_due = unpack(ARGV, 2, 8)
local step = redis.call('HGET', turn, 'step')
local open = redis.call('HGET', busy, user)
if open == id and step == 'batched' then return 'formed' end
if open then return 'busy' end
if redis.call('LLEN', buffer) ~= tonumber(length) then return 'again' end
if step and step ~= 'quarantined' then
    redis.call('LPOP', buffer)
    redis.call('HDEL', ahead, id)
    return 'known'
end
if next_due == '' then redis.call('ZREM', due, user)
else redis.call('ZADD', due, next_due, user) end
local order = redis.call('INCR', sequence)
redis.call('DEL', turn)
redis.call('HSET', turn, 'user', user, 'messages', messages, 'text', text,
           'sequence', order, 'step', 'batched')
redis.call('ZADD', work, order, id)
redis.call('HSET', busy, user, id)
redis.call('LTRIM', buffer, count, -1)
return 'formed'
"""

# Back into the buffer with the messages of a turn whose hash is gone.
RESTORE = """
local buffer, due, busy, work, review = unpack(KEYS, 2)
local id, user, due_at, length = unpack(ARGV, 2, 5)
if redis.call('LLEN', buffer) ~= tonumber(length) then return 'again' end
redis.call('ZREM', work, id)
redis.call('ZREM', review, id)
if user == '' or redis.call('HGET', busy, user) ~= id then return 'done' end
for i = #ARGV, 6, -1 do redis.call('LPUSH', buffer, ARGV[i]) end
if due_at ~= '' then redis.call('ZADD', due, due_at, user) end
redis.call('HDEL', busy, user)
return 'done'
"""


@dataclass(frozen=True)
class Pace:
    """The pure core; durations and times are in seconds."""

    window: float
    max_batch: int
    max_wait: float

    def first_batch(self, arrivals: Sequence[float]) -> tuple[int, float]:
        """How many messages the first batch holds, and when it is due.

        Raises ValueError when there are no messages.
        """
        if not arrivals:
            raise ValueError("no messages")
        size = 1
        while size < min(len(arrivals), self.max_batch) and (
            arrivals[size] < self._quiet_at(arrivals[:size])
        ):
            size += 1
        if size == self.max_batch:
            return size, arrivals[size - 1]
        return size, self._quiet_at(arrivals[:size])

    def _quiet_at(self, batch: Sequence[float]) -> float:
        return min(batch[-1] + self.window, batch[0] + self.max_wait)


@dataclass(frozen=True)
class _Waiting:
    """The head of a user's buffer, and the length of all of it."""

    messages: list[Message]
    length: int

    @property
    def arrivals(self) -> list[float]:
        return [one.at for one in self.messages]


class Pacing:
    """The shell: each user's waiting messages in Redis."""

    def __init__(self, state: State, pace: Pace) -> None:
        self._state = state
        self._pace = pace

    async def take(self, message: Message) -> bool:
        """Store a message; False if it was taken before."""
        keys = [SEEN + message.id, WRITE_AHEAD, BUFFER + message.user, DUE]
        # Tells the script that its own first try took the message, if the reply was lost.
        this_try = uuid.uuid4().hex
        while True:
            waiting = await self._waiting(message.user)
            due = self._due([*waiting.arrivals, message.at])
            args: Arguments = [
                message.id,
                message.to_json(),
                message.user,
                due,
                waiting.length,
                SEEN_SECONDS,
                this_try,
            ]
            answer = await self._state.run(TAKE, keys, *args)
            if answer != "again":
                return answer == "taken"

    async def next_due(self, after: float) -> float | None:
        """The first time later than `after` at which a batch is due."""
        found = await self._state.client.zrange(
            DUE, f"({after!r}", "+inf", byscore=True, offset=0, num=1, withscores=True
        )
        return float(found[0][1]) if found else None

    async def form_due(self, now: float) -> int:
        """Make a turn of each batch that is due and whose user has none open; how many."""
        users = await self._state.client.zrange(DUE, "-inf", repr(float(now)), byscore=True)
        busy = await self._state.fields(BUSY) if users else {}
        return sum([await self._form(str(user), now) for user in users if str(user) not in busy])

    async def restore(self, turn_id: str) -> None:
        """Give up a turn that cannot be read; its messages wait in the buffer again."""
        busy = await self._state.fields(BUSY)
        user = next((one for one, turn in busy.items() if turn == turn_id), "")
        keys = [BUFFER + user, DUE, BUSY, WORK, REVIEW]
        while True:
            waiting = await self._waiting(user)
            lost = await self._unbuffered(user) if user else []
            due = self._due([one.at for one in lost] + waiting.arrivals)
            args: Arguments = [turn_id, user, due, waiting.length, *(one.id for one in lost)]
            if await self._state.run(RESTORE, keys, *args) != "again":
                return

    async def _form(self, user: str, now: float) -> bool:
        waiting = await self._waiting(user)
        if not waiting.messages:
            await self._state.client.zrem(DUE, user)
            return False
        size, due = self._pace.first_batch(waiting.arrivals)
        if now < due:
            await self._state.client.zadd(DUE, {user: due})
            return False
        batch = waiting.messages[:size]
        turn = TURN + batch[0].id
        await self._state.fields(turn)
        keys = [turn, BUFFER + user, DUE, BUSY, WORK, SEQUENCE, WRITE_AHEAD]
        ids, text = json.dumps([one.id for one in batch]), "\n".join(one.text for one in batch)
        rest = self._due(waiting.arrivals[size:])
        args: Arguments = [batch[0].id, user, ids, text, size, waiting.length, rest]
        return await self._state.run(FORM, keys, *args) != "busy"

    def _due(self, arrivals: Sequence[float]) -> str:
        return repr(float(self._pace.first_batch(arrivals)[1])) if arrivals else ""

    async def _waiting(self, user: str) -> _Waiting:
        """What is not readable in the buffer is moved out of the way first."""
        key = BUFFER + user
        while True:
            ids = await self._state.lines(key, self._pace.max_batch * 2)
            found = await self._stored(ids)
            bad = [one for one in ids if one not in found or found[one].user != user]
            if not bad:
                seen_all = len(ids) < self._pace.max_batch * 2
                length = len(ids) if seen_all else int(await self._state.client.llen(key))
                return _Waiting([found[one] for one in ids], length)
            for one in bad:
                await self._state.garbage(key, one)
                await self._state.client.lrem(key, 0, one)

    async def _stored(self, ids: Sequence[str]) -> dict[str, Message]:
        lines = await self._state.client.hmget(WRITE_AHEAD, list(ids)) if ids else []
        found = (_message(str(line)) for line in lines)
        return {one.id: one for one in found if one is not None}

    async def _unbuffered(self, user: str) -> list[Message]:
        buffered = set(await self._state.lines(BUFFER + user))
        stored = (await self._state.fields(WRITE_AHEAD)).values()
        found = [one for one in map(_message, stored) if one is not None and one.user == user]
        return sorted((one for one in found if one.id not in buffered), key=lambda one: one.at)


def _message(line: str) -> Message | None:
    try:
        return Message.from_json(line)
    except ValueError:
        return None
