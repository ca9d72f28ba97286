"""Commands on sorted sets whose arguments fakeredis reads otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import SimpleError, casematch
from fakeredis.commands_mixins.sortedset_mixin import ScoreTest
from fakeredis.model import ZSet

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.repairs.collections import positive
from pytest_nadia.redis.emulation.repairs.numbers import parse_float

if TYPE_CHECKING:
    from fakeredis._core import CommandItem

_NOT_A_FLOAT = "ERR value is not a valid float"
_WORDS = frozenset({b"nx", b"xx", b"gt", b"lt", b"ch", b"incr"})
_LEX_WITH_SCORES = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"


def _score(text: bytes) -> bytes:
    """A score in digits that fakeredis can read. Raises `SimpleError`."""
    number = parse_float(text)
    if number is None:
        raise SimpleError(_NOT_A_FLOAT)
    return repr(number).encode()


class SortedSetMixin(SocketBase):
    @command("zadd", (Key(ZSet), bytes, bytes), (bytes,))
    def zadd(self, key: CommandItem, *arguments: bytes) -> Any:
        at = 0
        while at < len(arguments) and arguments[at].lower() in _WORDS:
            at += 1
        pairs = list(arguments[at:])
        if pairs and len(pairs) % 2 == 0:
            pairs[::2] = [_readable(text) for text in pairs[::2]]
        return super().zadd(key, *arguments[:at], *pairs)

    @command("zincrby", (Key(ZSet), bytes, bytes))
    def zincrby(self, key: CommandItem, amount: bytes | float, member: bytes) -> Any:
        step = float(_score(amount)) if isinstance(amount, bytes) else amount
        return super().zincrby(key, step, member)

    @command("zrange", (Key(ZSet), bytes, bytes), (bytes,))
    def zrange(self, key: CommandItem, start: bytes, stop: bytes, *options: bytes) -> Any:
        words = {word.lower() for word in options}
        if {b"bylex", b"withscores"} <= words:
            raise SimpleError(_LEX_WITH_SCORES)
        _check_ranks(start, stop, words)
        return super().zrange(key, start, stop, *options)

    @command("zrevrange", (Key(ZSet), bytes, bytes), (bytes,))
    def zrevrange(self, key: CommandItem, start: bytes, stop: bytes, *options: bytes) -> Any:
        _check_ranks(start, stop, set())
        return super().zrevrange(key, ScoreTest.decode(start), ScoreTest.decode(stop), *options)

    @command("zrangestore", (Key(), Key(ZSet), bytes, bytes), (bytes,))
    def zrangestore(
        self, target: CommandItem, key: CommandItem, start: bytes, stop: bytes, *options: bytes
    ) -> Any:
        _check_ranks(start, stop, {word.lower() for word in options})
        stored = super().zrangestore(target, key, start, stop, *options)
        target.expireat = None
        return stored

    @command("zpopmin", (Key(ZSet),), (bytes,))
    def zpopmin(self, key: CommandItem, *count: bytes) -> Any:
        return super().zpopmin(key, *_pop_count(count))

    @command("zpopmax", (Key(ZSet),), (bytes,))
    def zpopmax(self, key: CommandItem, *count: bytes) -> Any:
        return super().zpopmax(key, *_pop_count(count))

    @command("zunion", (bytes, bytes), (bytes,))
    def zunion(self, number: bytes, *rest: bytes) -> Any:
        return self._combine("zunion", number, rest)

    @command("zinter", (bytes, bytes), (bytes,))
    def zinter(self, number: bytes, *rest: bytes) -> Any:
        return self._combine("zinter", number, rest)

    @command("zdiff", (bytes, bytes), (bytes,))
    def zdiff(self, number: bytes, *rest: bytes) -> Any:
        return self._combine("zdiff", number, rest)

    def _combine(self, name: str, number: bytes, rest: tuple[bytes, ...]) -> Any:
        count = Int.decode(number)
        if count < 1:
            raise SimpleError(f"ERR at least 1 input key is needed for '{name}' command")
        keys, options = rest[:count], list(rest[count:])
        if len(keys) < count:
            raise SimpleError("ERR syntax error")
        scored = any(casematch(word, b"withscores") for word in options)
        options = [word for word in options if not casematch(word, b"withscores")]
        found = self._zunioninterdiff(name.upper(), None, count, *keys, *options)
        if not isinstance(found, ZSet):
            raise TypeError("a union or intersection is a sorted set")
        return self._zset_scores_reply(found, scored)

    def _zunioninterdiff(
        self, func: str, dest: CommandItem | None, numkeys: int, *args: bytes
    ) -> ZSet | int:
        words = [word.lower() for word in args]
        if b"weights" in words[numkeys:]:
            at = words.index(b"weights", numkeys) + 1
            weights = [_readable(text) for text in args[at : at + numkeys]]
            args = (*args[:at], *weights, *args[at + numkeys :])
        return super()._zunioninterdiff(func, dest, numkeys, *args)

    @command("zintercard", (bytes, bytes), (bytes,))
    def zintercard(self, number: bytes, *rest: bytes) -> Any:
        count = Int.decode(number)
        if count < 1:
            raise SimpleError("ERR at least 1 input key is needed for 'zintercard' command")
        options = rest[count:]
        if count > len(rest) or (options and not _is_limit(options)):
            raise SimpleError("ERR syntax error")
        if options and Int.decode(options[1], "ERR LIMIT can't be negative") < 0:
            raise SimpleError("ERR LIMIT can't be negative")
        return super().zintercard(count, *rest)


def _readable(text: bytes) -> bytes:
    """Hexadecimal numbers in decimals; what is no number stays, and fails later."""
    number = parse_float(text)
    return text if number is None else repr(number).encode()


def _check_ranks(start: bytes, stop: bytes, words: set[bytes]) -> None:
    if not words & {b"byscore", b"bylex", b"limit"}:
        Int.decode(start)
        Int.decode(stop)


def _pop_count(options: tuple[bytes, ...]) -> list[int]:
    if len(options) > 1:
        raise SimpleError("ERR syntax error")
    error = "ERR value is out of range, must be positive"
    return [0 if text == b"0" else positive(text, error) for text in options]


def _is_limit(options: tuple[bytes, ...]) -> bool:
    return len(options) == 2 and casematch(options[0], b"limit")
