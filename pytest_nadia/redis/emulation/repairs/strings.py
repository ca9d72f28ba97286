"""Commands on strings, and numbers in them, that fakeredis answers otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import OK, SimpleError, casematch
from fakeredis.model import Hash

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.repairs.expiry import deadline, expires_now
from pytest_nadia.redis.emulation.repairs.numbers import add_floats, parse_float

if TYPE_CHECKING:
    from fakeredis._core import CommandItem
    from fakeredis._helpers import SimpleString

_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_INFINITIES = frozenset({math.inf, -math.inf})
_SYNTAX = "ERR syntax error"
_TIMES = {b"ex": (1000, True), b"px": (1, True), b"exat": (1000, False), b"pxat": (1, False)}


class StringMixin(SocketBase):
    @command("set", (Key(), bytes), (bytes,))
    def set_(self, key: CommandItem, value: bytes, *options: bytes) -> Any:
        words, unit, time = _options(options, {b"nx", b"xx", b"get", b"keepttl"})
        if {b"nx", b"xx"} <= words or (unit and b"keepttl" in words):
            raise SimpleError(_SYNTAX)
        expireat = deadline(self._db.time, "set", *_TIMES[unit], time) if unit else None
        old = key.value
        gives = b"get" in words
        if gives and old is not None and type(old) is not bytes:
            raise SimpleError(_WRONG_TYPE)
        if (b"nx" in words and key) or (b"xx" in words and not key):
            return old if gives else None
        if b"keepttl" in words:
            key.update(value)
        else:
            key.value = value
        if expireat is not None:
            key.expireat = expireat
            if expires_now(expireat, self._db.time):
                key.value = None
        return old if gives else OK

    @command("getex", (Key(bytes),), (bytes,))
    def getex(self, key: CommandItem, *options: bytes) -> Any:
        words, unit, time = _options(options, {b"persist"})
        if unit and words:
            raise SimpleError(_SYNTAX)
        if key.value is None:
            return None
        value = key.value
        if unit:
            expireat = deadline(self._db.time, "getex", *_TIMES[unit], time)
            key.expireat = expireat
            if expires_now(expireat, self._db.time):
                key.value = None
        elif words and key.expireat is not None:
            key.expireat = None
        return value

    @command("setex", (Key(), bytes, bytes))
    def setex(self, key: CommandItem, seconds: bytes, value: bytes) -> SimpleString:
        return self._set_with_expiry(
            key, deadline(self._db.time, "setex", 1000, True, seconds), value
        )

    @command("psetex", (Key(), bytes, bytes))
    def psetex(self, key: CommandItem, milliseconds: bytes, value: bytes) -> SimpleString:
        return self._set_with_expiry(
            key, deadline(self._db.time, "psetex", 1, True, milliseconds), value
        )

    def _set_with_expiry(self, key: CommandItem, expireat: float, value: bytes) -> SimpleString:
        key.value = value
        key.expireat = expireat
        return OK

    @command("incrbyfloat", (Key(bytes), bytes))
    def incrbyfloat(self, key: CommandItem, amount: bytes) -> bytes:
        total = add_floats(key.get(b"0"), amount, "ERR value is not a valid float")
        key.update(total)
        return total

    @command("hincrbyfloat", (Key(Hash), bytes, bytes))
    def hincrbyfloat(self, key: CommandItem, field: bytes, amount: bytes) -> bytes:
        if parse_float(amount) in _INFINITIES:
            raise SimpleError("ERR value is NaN or Infinity")
        old = key.value.get(field, b"0")
        total = add_floats(old, amount, "ERR hash value is not a float")
        key.value.update({field: total}, clear_expiration=False)
        key.updated()
        return total

    @command("decrby", (Key(bytes), Int))
    def decrby(self, key: CommandItem, amount: int) -> int:
        if amount == Int.MIN_VALUE:
            raise SimpleError("ERR decrement would overflow")
        return int(self._incrby(key, -amount))


def _options(arguments: tuple[bytes, ...], allowed: set[bytes]) -> tuple[set[bytes], bytes, bytes]:
    """The words among the options, and the time with its unit. Raises `SimpleError`."""
    words: set[bytes] = set()
    unit = time = b""
    at = 0
    while at < len(arguments):
        word = arguments[at].lower()
        if word in _TIMES and not unit and at + 1 < len(arguments):
            unit, time = word, arguments[at + 1]
            at += 1
        elif any(casematch(word, known) for known in allowed):
            words.add(word)
        else:
            raise SimpleError(_SYNTAX)
        at += 1
    return words, unit, time
