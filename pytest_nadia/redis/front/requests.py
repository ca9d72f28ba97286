"""Cuts the bytes that a client sends into commands, and says in Redis' words what is wrong."""

from __future__ import annotations

_MOST_FIELDS = 2**20
_LONGEST_FIELD = 512 * 2**20
_LONGEST_LINE = 64 * 1024
# Short commands are cut at their line ends, all at once: that is several times quicker.
_QUICK_BYTES = 64 * 1024
_COUNTS = {b"*%d" % number: number for number in range(1, 129)}
_LENGTHS = {b"$%d" % number: number for number in range(1025)}


class ProtocolError(Exception):
    """The client does not speak Redis' protocol; the text is what a Redis answers."""


class _IncompleteError(Exception):
    """More bytes must come first."""


class Requests:
    """The commands of one client, in order."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0
        self._at = 0
        self._left = 0
        self._spans: list[tuple[int, int]] = []
        self._taken = (0, 0)
        self._lines: list[bytes] = []
        self._line = 0
        self._quick: list[bytes] = []

    @property
    def waiting(self) -> int:
        """Bytes that no command has been taken of yet."""
        left = self._lines[self._line :]
        return len(self._data) - self._start + sum(map(len, left)) + 2 * max(0, len(left) - 1)

    @property
    def is_inside(self) -> bool:
        """Whether a command has begun to arrive that is not complete."""
        return self._start < len(self._data) or self._line < len(self._lines) - 1

    def feed(self, data: bytes) -> None:
        if self._lines:
            self._give_up_lines()
        if self._start:
            self._forget_taken()
        if not self._data and len(data) < _QUICK_BYTES:
            self._lines, self._line = data.split(b"\r\n"), 0
        else:
            self._data += data

    def take(self) -> list[bytes] | None:
        """The next command, as its name and arguments, or None until the rest of it arrives.

        An empty list is a command without a name, which Redis passes over. Raises
        `ProtocolError`, after which nothing more can be taken.
        """
        if self._lines:
            if self._line == len(self._lines) - 1 and not self._lines[-1]:
                return None
            if fields := self._take_lines():
                return fields
            self._give_up_lines()
        if self._start == len(self._data):
            return None
        return self._take_bytes()

    def _take_lines(self) -> list[bytes] | None:
        """A command none of whose fields holds a line end; None if this is not one."""
        lines, at = self._lines, self._line
        count = _COUNTS.get(lines[at])
        if not count:
            return None
        end = at + 1 + 2 * count
        fields = lines[at + 2 : end : 2]
        if end >= len(lines) or list(map(len, fields)) != [
            _LENGTHS.get(line) for line in lines[at + 1 : end : 2]
        ]:
            return None
        self._line = end
        self._quick = lines[at:end]
        return fields

    def _give_up_lines(self) -> None:
        self._data[:] = b"\r\n".join(self._lines[self._line :])
        self._lines, self._quick = [], []
        self._start = self._at = 0

    def _forget_taken(self) -> None:
        del self._data[: self._start]
        self._at -= self._start
        self._spans = [(a - self._start, b - self._start) for a, b in self._spans]
        self._start = 0

    def _take_bytes(self) -> list[bytes] | None:
        try:
            fields = self._fields()
        except _IncompleteError:
            return None
        self._taken = (self._start, self._at)
        self._start = self._at
        self._left, self._spans = 0, []
        return fields

    @property
    def size(self) -> int:
        """Bytes of the command that was taken last."""
        if self._quick:
            return sum(map(len, self._quick)) + 2 * len(self._quick)
        start, end = self._taken
        return end - start

    def raw(self) -> bytes:
        """The bytes of the command that was taken last; valid until more is fed."""
        if self._quick:
            return b"\r\n".join((*self._quick, b""))
        start, end = self._taken
        return bytes(self._data[start:end])

    def rest(self) -> bytes:
        """All bytes that no command was made of; they are forgotten."""
        if self._lines:
            self._give_up_lines()
        rest = bytes(self._data[self._start :])
        self._start = self._at = len(self._data)
        return rest

    def _fields(self) -> list[bytes]:
        if not self._left and not self._spans:
            if self._data[self._start] != 0x2A:
                return self._inline()
            self._at = self._start
            self._left = self._number(b"*", _MOST_FIELDS, "invalid multibulk length")
        while self._left > 0:
            self._locate_field()
        with memoryview(self._data) as view:
            return [bytes(view[start:end]) for start, end in self._spans]

    def _locate_field(self) -> None:
        before = self._at
        length = self._number(b"$", _LONGEST_FIELD, "invalid bulk length", lowest=0)
        end = self._at + length
        if end + 2 > len(self._data):
            self._at = before
            raise _IncompleteError
        self._spans.append((self._at, end))
        self._at = end + 2
        self._left -= 1

    def _number(self, kind: bytes, most: int, complaint: str, lowest: int = -(2**31)) -> int:
        # As Redis does it: a line ends with a carriage return and one byte more, whichever it is.
        end = self._data.find(b"\r", self._at, len(self._data) - 1)
        if end < 0:
            if len(self._data) - self._at > _LONGEST_LINE:
                name = "mbulk count" if kind == b"*" else "bulk count"
                raise ProtocolError(f"too big {name} string")
            raise _IncompleteError
        line = bytes(self._data[self._at : end])
        if line[:1] != kind:
            got = line[:1].decode("latin-1") or "\r"
            raise ProtocolError(f"expected '{kind.decode()}', got '{got}'")
        digits = line[2:] if line[1:2] == b"-" else line[1:]
        if not digits.isdigit() or not lowest <= int(line[1:]) <= most:
            raise ProtocolError(complaint)
        self._at = end + 2
        return int(line[1:])

    def _inline(self) -> list[bytes]:
        """A command typed by hand: words up to the end of the line."""
        end = self._data.find(b"\n", self._start)
        if end < 0:
            if len(self._data) - self._start > _LONGEST_LINE:
                raise ProtocolError("too big inline request")
            raise _IncompleteError
        self._at = end + 1
        return _words(bytes(self._data[self._start : end]).rstrip(b"\r"))


_ESCAPES = {0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07}
_SPACES = b" \t\n\r\x0b\x0c\0"


def _words(line: bytes) -> list[bytes]:
    words: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACES:
            at += 1
        if at == len(line):
            return words
        word, at = _word(line, at)
        words.append(word)


def _word(line: bytes, at: int) -> tuple[bytes, int]:
    word = bytearray()
    while at < len(line) and line[at] not in _SPACES:
        if line[at] in b"\"'":
            part, at = _quoted(line, at)
            word += part
        else:
            word.append(line[at])
            at += 1
    return bytes(word), at


def _quoted(line: bytes, at: int) -> tuple[bytes, int]:
    quote, part, at = line[at], bytearray(), at + 1
    while at < len(line) and line[at] != quote:
        if line[at] == 0x5C and at + 1 < len(line):
            at = _escaped(line, at + 1, quote, part)
        else:
            part.append(line[at])
            at += 1
    if at == len(line) or (at + 1 < len(line) and line[at + 1] not in _SPACES):
        raise ProtocolError("unbalanced quotes in request")
    return bytes(part), at + 1


def _escaped(line: bytes, at: int, quote: int, part: bytearray) -> int:
    """Add what the backslash before `at` means; gives where to go on."""
    if quote == 0x27:
        part += b"'" if line[at] == 0x27 else b"\\" + line[at : at + 1]
        return at + 1
    if line[at] == 0x78:
        try:
            part.append(int(line[at + 1 : at + 3], 16))
        except ValueError:
            pass
        else:
            return at + 3
    part.append(_ESCAPES.get(line[at], line[at]))
    return at + 1
