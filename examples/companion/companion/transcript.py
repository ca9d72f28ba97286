"""A conversation from a file of JSON Lines, played in its own time without waiting for real.

A line: {"id": "m1", "user": "ana", "text": "Hello", "at": 3.5, "decision": "approve"}. `at` is
in seconds and never goes back; without it a message comes a minute after the one before.
`decision` is what the reviewer does with the answer to this message: "approve" (the default),
"reject" or {"edit": "another text"}. Of several in one batch, the last counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from companion.errors import UsageError
from companion.message import Message, loads
from companion.review import Decision

if TYPE_CHECKING:
    from pathlib import Path

    from companion.bot import Bot
    from companion.message import Turn

_KEYS = {"id", "user", "text", "at", "decision"}
_PAUSE = 60.0


@dataclass(frozen=True)
class Line:
    """One message and the reviewer's decision about its answer, if the line holds one."""

    message: Message
    decision: Decision | None


def read(path: Path) -> list[Line]:
    """Raises UsageError that names the file and the number of the line."""
    try:
        rows = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    lines: list[Line] = []
    known: dict[str, Message] = {}
    for number, row in enumerate(rows, start=1):
        if row.strip():
            try:
                line = _parse(row, lines[-1].message.at if lines else None)
                if known.setdefault(line.message.id, line.message).text != line.message.text:
                    raise ValueError(f"the id {line.message.id!r} has another text further up")
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
            lines.append(line)
    return lines


async def play(bot: Bot, lines: list[Line]) -> int:
    """Play the lines to their end; the number of messages that were not taken before."""
    reviewer = _Reviewer(lines)
    now, taken = 0.0, 0
    for line in lines:
        now = line.message.at
        await bot.settle(now, reviewer)
        taken += await bot.take(line.message)
    await bot.settle(now, reviewer)
    while (due := await bot.pacing.next_due(now)) is not None:
        now = due
        await bot.settle(now, reviewer)
    return taken


class _Reviewer:
    """Decides as the file says, and leaves what is not from the file to a person."""

    def __init__(self, lines: list[Line]) -> None:
        self._decisions = {line.message.id: line.decision for line in lines}

    async def __call__(self, turn: Turn, refused: str) -> Decision | None:
        if not all(one in self._decisions for one in turn.messages):
            return None
        if refused:
            return Decision("reject")
        given = [found for one in turn.messages if (found := self._decisions[one]) is not None]
        return given[-1] if given else Decision("approve")


def _parse(row: bytes, last: float | None) -> Line:
    try:
        fields = loads(row.decode())
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    if unknown := sorted(fields.keys() - _KEYS):
        raise ValueError(f"unknown key {unknown[0]!r} (known: {', '.join(sorted(_KEYS))})")
    if missing := sorted({"id", "user", "text"} - fields.keys()):
        raise ValueError(f"{missing[0]} is missing")
    at = fields.get("at", 0.0 if last is None else last + _PAUSE)
    message = Message(fields["id"], fields["user"], fields["text"], at)
    if last is not None and at < last:
        raise ValueError(f"at goes back from {last:g} to {at:g}")
    return Line(message, _decision(fields.get("decision")))


def _decision(value: Any) -> Decision | None:
    match value:
        case None:
            return None
        case "approve" | "reject":
            return Decision(value)
        case {"edit": str(text)} if len(value) == 1 and text.strip():
            return Decision("edit", text)
    raise ValueError('decision must be "approve", "reject" or {"edit": "another text"}')
