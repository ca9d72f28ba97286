"""A conversation on the terminal, whose user also reviews the answers."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING

from companion.message import Message, one_line
from companion.review import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from companion.bot import Bot
    from companion.message import Turn

USER = "you"
_LOOK_SECONDS = 1.0
_HELP = "a = approve, r = reject, e TEXT = edit"


class Lines:
    """Lines from a file descriptor, read by a thread that never keeps the program from ending."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    async def next(self, seconds: float) -> str | None:
        """The next line; None at the end of input. Raises TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            return await self._queue.get()

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._descriptor, 65_536):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._put(line.decode(errors="replace"))
        if rest:
            self._put(rest.decode(errors="replace"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)
        except RuntimeError:
            return  # the loop is closed: nobody reads any more


class Terminal:
    """Reads messages and decisions in turn; `say` prints one line.

    A person is waited for; input that is not `live`, from a pipe or a file, is not: each of its
    messages is answered before the next line is read.
    """

    def __init__(
        self,
        bot: Bot,
        lines: Lines,
        say: Callable[[str], None],
        *,
        live: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bot = bot
        self._lines = lines
        self._say = say
        self._live = live
        self._clock = clock
        self._asked = ""

    async def run(self) -> None:
        """Until the end of input; what was typed by then is still answered."""
        self._say("Write to the companion; end with Ctrl-D. Its answers come to you for review.")
        while True:
            await self._bot.settle(self._clock())
            turn = await self._ask()
            try:
                line = await self._lines.next(_LOOK_SECONDS)
            except TimeoutError:
                continue
            if line is None:
                break
            await self._hear(turn, line)
        await self._finish()

    async def _ask(self) -> Turn | None:
        waiting = await self._bot.flow.waiting()
        if not waiting:
            return None
        turn = waiting[0]
        if turn.id != self._asked:
            self._asked = turn.id
            mark = f" [look closely: {turn.rule}]" if turn.rule else ""
            self._say(f"review{mark} answer to {turn.user}: {one_line(turn.answer)}")
            self._say(f"  {_HELP}")
        return turn

    async def _hear(self, turn: Turn | None, line: str) -> None:
        if turn is not None:
            await self._decide(turn, line)
        elif line.strip():
            await self._take(line)

    async def _take(self, line: str) -> None:
        try:
            message = Message(uuid.uuid4().hex, USER, line, self._clock())
        except ValueError as error:
            self._say(f"not taken: {error}")
            return
        await self._bot.take(message)
        if not self._live:
            await self._catch_up()

    async def _decide(self, turn: Turn, line: str) -> None:
        decision = parse_decision(line)
        if decision is None:
            self._say(f"  not a decision: {_HELP}")
        elif refused := await self._bot.decide(turn, decision):
            self._say(f"  refused by the rule {refused}: {_HELP}")
        else:
            self._asked = ""

    async def _finish(self) -> None:
        await self._catch_up()
        if count := len(await self._bot.flow.waiting()):
            self._say(f"{count} to review at the next start")

    async def _catch_up(self) -> None:
        now = self._clock()
        await self._bot.settle(now)
        while (due := await self._bot.pacing.next_due(now)) is not None:
            now = due
            await self._bot.settle(now)


def parse_decision(line: str) -> Decision | None:
    """`a`, `r` or `e TEXT`; None for anything else."""
    word, _, text = line.strip().partition(" ")
    match word, text.strip():
        case "a", "":
            return Decision("approve")
        case "r", "":
            return Decision("reject")
        case "e", edited if edited:
            return Decision("edit", edited)
    return None
