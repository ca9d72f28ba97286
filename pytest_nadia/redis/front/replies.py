"""Finds where each reply ends in the bytes that a Redis sends, whatever pieces they come in.

The formats are RESP2 and RESP3 as Redis documents them. Nothing is decoded, and of a long reply
only the beginning is kept.
"""

from __future__ import annotations

from typing import NamedTuple

HEAD_BYTES = 256
_BULK, _AGGREGATE, _PAIRS = b"$=!", b"*~>", b"%"
_ATTRIBUTE, _PUSH = ord("|"), ord(">")
# 1 takes a line, 2 a line and the bytes it announces, 3 a line and more elements, 4 twice as many.
_KINDS = dict.fromkeys(_BULK, 2) | dict.fromkeys(_AGGREGATE, 3) | dict.fromkeys(_PAIRS, 4)


class ReplyEnd(NamedTuple):
    """One complete reply: where it ends in the piece just fed, its beginning, its length."""

    end: int
    head: bytes
    size: int


class Replies:
    """The replies of one connection, in order."""

    def __init__(self) -> None:
        self._elements = 0
        self._within = False
        self._skip = 0
        self._line = b""
        self._head = b""
        self._size = 0

    @property
    def inside(self) -> bool:
        """Whether a reply has begun and not ended."""
        return self._size > 0

    def feed(self, data: bytes) -> list[ReplyEnd]:
        """The replies that end in `data`, the next piece of the stream."""
        ends: list[ReplyEnd] = []
        start = at = 0
        length = len(data)
        while at < length:
            if not (self._elements or self._skip):
                self._elements, self._within = 1, False
            at = self._element(data, at)
            if not self._elements and not self._skip:
                head = (self._head + data[start : start + HEAD_BYTES])[:HEAD_BYTES]
                ends.append(ReplyEnd(at, head[: self._size + at - start], self._size + at - start))
                self._head, self._size, start = b"", 0, at
        if start < length:
            missing = max(0, HEAD_BYTES - len(self._head))
            self._head += data[start : start + missing]
            self._size += length - start
        return ends

    def _element(self, data: bytes, at: int) -> int:
        """Pass over what there is of one element; gives where it stopped."""
        if self._skip:
            step = min(self._skip, len(data) - at)
            self._skip -= step
            return at + step
        end = data.find(b"\n", at)
        if end < 0:
            self._line += data[at:]
            return len(data)
        line, self._line = self._line + data[at : end + 1], b""
        self._read(line)
        return end + 1

    def _read(self, line: bytes) -> None:
        kind = line[0]
        if kind == _ATTRIBUTE:
            self._elements += 2 * int(line[1:])
            return
        # Before 7.2, a message that a transaction publishes to its own client comes amid the reply.
        if kind != _PUSH or not self._within:
            self._elements -= 1
        self._within = True
        form = _KINDS.get(kind, 1)
        if form == 1:
            return
        number = int(line[1:])
        if form == 2:
            self._skip = number + 2 if number >= 0 else 0
        elif number > 0:
            self._elements += number if form == 3 else 2 * number
