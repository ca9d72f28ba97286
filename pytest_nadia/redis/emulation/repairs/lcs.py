"""LCS: the longest common subsequence of two strings, and where it lies in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import extract_args
from fakeredis._helpers import SimpleError

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_STRINGS = "ERR The specified keys must contain string values"
_EITHER = "ERR If you want both the length and indexes, please just use IDX."
_WORDS = ("idx", "len", "+minmatchlen", "withmatchlen")


class LcsMixin(SocketBase):
    @command("lcs", (bytes, bytes), (bytes,))
    def lcs(self, *arguments: bytes) -> Any:
        one, other = (self._string_at(key) for key in arguments[:2])
        (ranges, length, least, with_lengths), _ = extract_args(arguments[2:], _WORDS)
        if ranges and length:
            raise SimpleError(_EITHER)
        pairs = list(matching_pairs(one, other))
        if length:
            return len(pairs)
        if not ranges:
            return bytes(one[at] for at, _ in reversed(pairs))
        found = [run for run in _runs(pairs) if len(run) >= (least or 0)]
        return {b"matches": [_row(run, bool(with_lengths)) for run in found], b"len": len(pairs)}

    def _string_at(self, key: bytes) -> bytes:
        item = self._db.get(key)
        if item is None:
            return b""
        if not isinstance(item.value, bytes):
            raise SimpleError(_NO_STRINGS)
        return item.value


def matching_pairs(one: bytes, other: bytes) -> Iterator[tuple[int, int]]:
    """The places in both of each byte of the subsequence, the last first."""
    lengths = _lengths(one, other)
    i, j = len(one), len(other)
    while i and j:
        if one[i - 1] == other[j - 1]:
            i, j = i - 1, j - 1
            yield i, j
        elif lengths[i - 1][j] > lengths[i][j - 1]:
            i -= 1
        else:
            j -= 1


def _lengths(one: bytes, other: bytes) -> list[list[int]]:
    rows = [[0] * (len(other) + 1)]
    for byte in one:
        row = [0]
        for at, against in enumerate(other):
            equal = rows[-1][at] + 1
            row.append(equal if byte == against else max(rows[-1][at + 1], row[-1]))
        rows.append(row)
    return rows


def _runs(pairs: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The pairs in groups that are adjacent in both strings."""
    runs: list[list[tuple[int, int]]] = []
    for i, j in pairs:
        if runs and runs[-1][-1] == (i + 1, j + 1):
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    return runs


def _row(run: list[tuple[int, int]], with_length: bool) -> list[Any]:
    (last_one, last_other), (first_one, first_other) = run[0], run[-1]
    row: list[Any] = [[first_one, last_one], [first_other, last_other]]
    return [*row, len(run)] if with_length else row
