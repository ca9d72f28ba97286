"""Cuts the bytes that a client sends into commands.

fakeredis has a parser too, but it copies what is left of its buffer at every command and at every
read: a value of 30 MB takes it several seconds.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """The client does not send arrays of bulk strings."""


class _IncompleteError(Exception):
    """More bytes must come first."""


class Requests:
    """The commands of one client, in order."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        del self._data[: self._start]
        self._start = 0
        self._data += data

    def take(self) -> list[bytes] | None:
        """The next command, as its name and arguments, or None until the rest of it arrives.

        Raises `ProtocolError`, after which nothing more can be taken.
        """
        try:
            fields, end = self._locate()
        except _IncompleteError:
            return None
        with memoryview(self._data) as view:
            command = [bytes(view[start:stop]) for start, stop in fields]
        self._start = end
        return command

    def _locate(self) -> tuple[list[tuple[int, int]], int]:
        """Where each field is, and where the command ends. Copies nothing: it may be in vain."""
        count, at = self._number(self._start, b"*")
        fields = []
        for _ in range(count):
            length, at = self._number(at, b"$")
            fields.append((at, at + length))
            at += length + 2
        if at > len(self._data):
            raise _IncompleteError
        return fields, at

    def _number(self, start: int, kind: bytes) -> tuple[int, int]:
        end = self._data.find(b"\r\n", start)
        if end < 0:
            raise _IncompleteError
        line = bytes(self._data[start:end])
        if line[:1] != kind or not line[1:].isdigit():
            raise ProtocolError(f"expected {kind.decode()} and a number, got {line[:20]!r}")
        return int(line[1:]), end + 2
