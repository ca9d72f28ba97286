"""EXPIRE and its kin, with the limits and errors of a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import SimpleError

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from fakeredis._core import CommandItem

_WORDS = frozenset({b"nx", b"xx", b"gt", b"lt"})
_NX_WITH_OTHERS = "ERR NX and XX, GT or LT options at the same time are not compatible"
_GT_WITH_LT = "ERR GT and LT options at the same time are not compatible"


def _invalid(name: str) -> SimpleError:
    return SimpleError(f"ERR invalid expire time in '{name}' command")


def deadline(now: float, name: str, unit: int, relative: bool, text: bytes) -> float:
    """When a key ends, in seconds since the epoch. Raises `SimpleError`, as for a time not over 0.

    `unit` is how many milliseconds the unit of `text` has.
    """
    number = Int.decode(text)
    if number <= 0:
        raise _invalid(name)
    return milliseconds(now, name, unit, relative, number) / 1000


def milliseconds(now: float, name: str, unit: int, relative: bool, number: int) -> int:
    """The same in milliseconds, of any number that does not overflow."""
    moment = number * unit
    if not Int.valid(moment):
        raise _invalid(name)
    if relative:
        moment += int(now * 1000)
    if not Int.valid(moment):
        raise _invalid(name)
    return moment


def expires_now(expireat: float, now: float) -> bool:
    return expireat * 1000 <= int(now * 1000)


class ExpiryMixin(SocketBase):
    @command("expire", (Key(), bytes), (bytes,))
    def expire(self, key: CommandItem, number: bytes, *words: bytes) -> int:
        return self._set_deadline(key, "expire", 1000, True, number, words)

    @command("pexpire", (Key(), bytes), (bytes,))
    def pexpire(self, key: CommandItem, number: bytes, *words: bytes) -> int:
        return self._set_deadline(key, "pexpire", 1, True, number, words)

    @command("expireat", (Key(), bytes), (bytes,))
    def expireat(self, key: CommandItem, number: bytes, *words: bytes) -> int:
        return self._set_deadline(key, "expireat", 1000, False, number, words)

    @command("pexpireat", (Key(), bytes), (bytes,))
    def pexpireat(self, key: CommandItem, number: bytes, *words: bytes) -> int:
        return self._set_deadline(key, "pexpireat", 1, False, number, words)

    def _set_deadline(
        self,
        key: CommandItem,
        name: str,
        unit: int,
        relative: bool,
        number: bytes,
        words: tuple[bytes, ...],
    ) -> int:
        conditions = _conditions(words)
        moment = milliseconds(self._db.time, name, unit, relative, Int.decode(number)) / 1000
        if key.value is None or not _allowed(key.expireat, moment, conditions):
            return 0
        if expires_now(moment, self._db.time):
            key.value = None
        else:
            key.expireat = moment
        return 1


def _conditions(words: tuple[bytes, ...]) -> set[bytes]:
    given = set()
    for word in words:
        if word.lower() not in _WORDS:
            raise SimpleError(f"ERR Unsupported option {word.decode('utf-8', 'surrogateescape')}")
        given.add(word.lower())
    if b"nx" in given and len(given) > 1:
        raise SimpleError(_NX_WITH_OTHERS)
    if {b"gt", b"lt"} <= given:
        raise SimpleError(_GT_WITH_LT)
    return given


def _allowed(current: float | None, moment: float, conditions: set[bytes]) -> bool:
    if b"nx" in conditions and current is not None:
        return False
    if b"xx" in conditions and current is None:
        return False
    if b"gt" in conditions:
        return current is not None and moment > current
    if b"lt" in conditions:
        return current is None or moment < current
    return True
