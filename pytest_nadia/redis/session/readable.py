"""A raw reply of Redis as people read it."""

from __future__ import annotations

from collections.abc import Iterator

_LONGEST = 200
_BRACKETS = {
    b"*": ("[", "]"),
    b">": ("[", "]"),
    b"~": ("{", "}"),
    b"%": ("{", "}"),
    b"|": ("{", "}"),
}


class _CutError(Exception):
    """The bytes end before the reply does."""


def readable(reply: bytes) -> str:
    """`reply`, or its beginning, on one line, much as redis-cli shows it."""
    if not reply:
        return "no reply"
    lines = iter(_Reader(reply))
    text = "".join(lines)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class _Reader:
    """Gives pieces of text, so that what a cut reply begins with is shown too."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._value()
        except (_CutError, ValueError):
            yield "..."

    def _value(self) -> Iterator[str]:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind in _BRACKETS:
            yield from self._collection(kind, int(rest))
        elif kind in b"$=!" and rest != b"-1":
            yield from self._bulk(kind, int(rest))
        else:
            yield _simple(kind, rest)

    def _line(self) -> bytes:
        end = self._data.find(b"\r\n", self._at)
        if end < 0:
            raise _CutError
        line, self._at = self._data[self._at : end], end + 2
        return line

    def _bulk(self, kind: bytes, size: int) -> Iterator[str]:
        content = self._data[self._at : self._at + size]
        self._at += size + 2
        yield f"(error) {_text(content)}" if kind == b"!" else f'"{_text(content)}"'
        if len(content) < size:
            raise _CutError

    def _collection(self, kind: bytes, size: int) -> Iterator[str]:
        if size < 0:
            yield "nil"
            return
        opening, closing = _BRACKETS[kind]
        yield opening
        count = size * 2 if kind in b"%|" else size
        for number in range(count):
            yield _separator(kind, number)
            yield from self._value()
        yield closing


def _separator(kind: bytes, number: int) -> str:
    if kind in b"%|" and number % 2:
        return ": "
    return ", " if number else ""


def _simple(kind: bytes, rest: bytes) -> str:
    match kind:
        case b"+":
            return _text(rest)
        case b"-":
            return f"(error) {_text(rest)}"
        case b"$" | b"_":
            return "nil"
        case b"#":
            return "true" if rest == b"t" else "false"
        case b":" | b"," | b"(":
            return _text(rest)
    return repr(kind + rest)


def _text(content: bytes) -> str:
    shown = content.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in shown)
