"""What moves through the bot: a message that came in, and a turn, its batch with the answer."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from companion.constants import MAX_NAME, MAX_TEXT


@dataclass(frozen=True)
class Message:
    """One incoming message; `at` is its time of arrival in seconds."""

    id: str
    user: str
    text: str
    at: float

    def __post_init__(self) -> None:
        """Raises ValueError that names what is wrong."""
        for name, value in (("id", self.id), ("user", self.user)):
            _check_text(name, value, MAX_NAME)
            if not value.isprintable():
                raise ValueError(f"{name} holds a control character")
        _check_text("text", self.text, MAX_TEXT)
        if isinstance(self.at, bool) or not isinstance(self.at, int | float):
            raise ValueError("at must be a number of seconds")
        if not (math.isfinite(self.at) and 0 <= self.at < 1e12):
            raise ValueError("at must be a number of seconds from 0 on")

    def to_json(self) -> str:
        return json.dumps([self.id, self.user, self.text, self.at])

    @classmethod
    def from_json(cls, line: str) -> Message:
        """Raises ValueError for anything but what `to_json` wrote."""
        fields = loads(line)
        if not (isinstance(fields, list) and len(fields) == 4):
            raise ValueError("not a message")
        return cls(*fields)


@dataclass(frozen=True)
class Turn:
    """A batch of one user's messages on its way to an answer; its id is its first message's.

    From its review on it carries its messages in `lines`; before, the write-ahead queue does.
    """

    id: str
    user: str
    messages: tuple[str, ...]
    text: str
    sequence: int
    step: str
    answer: str = ""
    rule: str = ""
    verdict: str = ""
    lines: tuple[str, ...] = ()

    @classmethod
    def from_hash(cls, turn_id: str, fields: dict[str, str]) -> Turn:
        """Raises ValueError or KeyError when the stored fields are not a turn."""
        return cls(
            id=turn_id,
            user=fields["user"],
            messages=tuple(str(one) for one in loads(fields["messages"])),
            text=fields["text"],
            sequence=int(fields["sequence"]),
            step=fields["step"],
            answer=fields.get("answer", ""),
            rule=fields.get("rule", ""),
            verdict=fields.get("verdict", ""),
            lines=tuple(str(one) for one in loads(fields.get("lines", "[]"))),
        )


def loads(line: str) -> Any:
    """`json.loads` whose every failure is a ValueError."""
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def one_line(text: str) -> str:
    """`text` fit for a terminal: no line breaks, no control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def _check_text(name: str, value: object, limit: int) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text that is not empty")
    if len(value) > limit:
        raise ValueError(f"{name} is longer than {limit} characters")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(f"{name} holds half a character (a lone surrogate)")
