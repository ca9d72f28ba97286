"""The lines of a report: text with styles, folded to a width, written plain or in colour."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Style = Literal["", "strong", "good", "bad", "warn", "dim", "place"]

NARROWEST = 20
HANGING_NEEDS = 30


class Span(NamedTuple):
    text: str
    style: Style = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`indent` is that of the folded rest; a `whole` line is to be pasted and never folded."""

    spans: tuple[Span, ...]
    indent: int = 0
    whole: bool = False

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


EMPTY = Line(())


def line(*parts: Span | str, indent: int = 0, whole: bool = False) -> Line:
    spans = tuple(Span(part) if isinstance(part, str) else part for part in parts)
    return Line(spans, indent, whole)


def fold(long: Line, width: int) -> Iterator[Line]:
    """The line in pieces of at most `width` terminal cells, the later ones indented."""
    if long.whole:
        yield long
        return
    indent = long.indent if width - long.indent >= HANGING_NEEDS else 4
    rooms = (max(NARROWEST, width), max(NARROWEST, width - indent))
    for number, (start, end) in enumerate(_pieces(long.text, *rooms)):
        margin = (Span(" " * indent),) if number else ()
        yield Line(margin + tuple(_cut(long.spans, start, end)))


def cells(text: str) -> int:
    """Columns that the text takes on a terminal."""
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _pieces(text: str, first_room: int, room: int) -> Iterator[tuple[int, int]]:
    start, left = 0, first_room
    while cells(text[start:]) > left:
        end = _break(text, start, left)
        yield start, len(text[:end].rstrip())
        start = end + len(text[end:]) - len(text[end:].lstrip())
        left = room
    yield start, len(text.rstrip())


def _break(text: str, start: int, room: int) -> int:
    """Where the piece ends: at a space, else after a slash, else where the room does.

    An address is left whole, so that it can be clicked on.
    """
    end, used = start, 0
    while (used := used + _cells(text[end])) <= room:
        end += 1
    margin = start + len(text[start:]) - len(text[start:].lstrip())
    if (space := text.rfind(" ", margin, end + 1)) > margin:
        return space
    if "://" in (word := text[margin:].split(" ", 1)[0]):
        return margin + len(word)
    slash = text.rfind("/", margin, end)
    return slash + 1 if slash > margin else end


def _cut(spans: tuple[Span, ...], start: int, end: int) -> Iterator[Span]:
    position = 0
    for text, style in spans:
        piece = text[max(0, start - position) : max(0, end - position)]
        position += len(text)
        if piece:
            yield Span(piece, style)
