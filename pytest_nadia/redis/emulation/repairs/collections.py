"""Commands on lists, sets, hashes and places whose edges fakeredis answers otherwise."""

from __future__ import annotations

import math
import random
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import SimpleError, casematch
from fakeredis.commands_mixins.geo_mixin import translate_meters_to_unit
from fakeredis.model import ExpiringMembersSet, Hash, ZSet

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.repairs.numbers import parse_float
from pytest_nadia.redis.emulation.values import NULL_ARRAY, SetReply, or_null_array

if TYPE_CHECKING:
    from fakeredis._core import CommandItem

_NUMBER_OF_KEYS = "ERR numkeys should be greater than 0"
_COUNT = "ERR count should be greater than 0"
_MUST_BE_POSITIVE = "ERR value is out of range, must be positive"
_POSITION_OPTIONS = {
    b"rank": (None, ""),
    b"count": (0, "ERR COUNT can't be negative"),
    b"maxlen": (0, "ERR MAXLEN can't be negative"),
}


def positive(text: bytes, error: str) -> int:
    """A number over 0. Raises `SimpleError` with the text `error`."""
    number = Int.decode(text, error)
    if number <= 0:
        raise SimpleError(error)
    return number


def parse_timeout(text: bytes) -> float:
    """How long to block, in seconds; 0 is for ever. Raises `SimpleError`."""
    seconds = parse_float(text)
    if seconds is None:
        raise SimpleError("ERR timeout is not a float or out of range")
    # An infinite time overflows to a negative one in the server.
    if seconds < 0 or math.isinf(seconds):
        raise SimpleError("ERR timeout is negative")
    return seconds


class CollectionMixin(SocketBase):
    @command("lpos", (Key(list), bytes), (bytes,))
    def lpos(self, key: CommandItem, element: bytes, *options: bytes) -> Any:
        for word, value in zip(options[::2], options[1::2], strict=False):
            if casematch(word, b"rank") and Int.decode(value) == 0:
                raise SimpleError(msgs.LPOS_RANK_CAN_NOT_BE_ZERO)
            least, error = _POSITION_OPTIONS.get(word.lower(), (None, ""))
            if least is not None and Int.decode(value, error) < least:
                raise SimpleError(error)
        return super().lpos(key, element, *options)

    @command("lmpop", (bytes, bytes, bytes), (bytes,))
    def lmpop(self, number: bytes, *rest: bytes) -> Any:
        count = self._check_pop(number, rest)
        self._check_first(rest[:count], list)
        return super().lmpop(count, *rest)

    @command("zmpop", (bytes, bytes, bytes), (bytes,))
    def zmpop(self, number: bytes, *rest: bytes) -> Any:
        count = self._check_pop(number, rest)
        self._check_first(rest[:count], ZSet)
        return super().zmpop(count, *rest)

    @command("blmpop", (bytes, bytes, bytes, bytes), (bytes,))
    def blmpop(self, timeout: bytes, number: bytes, *rest: bytes) -> Any:
        seconds = parse_timeout(timeout)
        count = self._check_pop(number, rest)
        self._check_first(rest[:count], list)
        return super().blmpop(seconds, count, *rest)

    @command("bzmpop", (bytes, bytes, bytes, bytes), (bytes,))
    def bzmpop(self, timeout: bytes, number: bytes, *rest: bytes) -> Any:
        seconds = parse_timeout(timeout)
        count = self._check_pop(number, rest)
        self._check_first(rest[:count], ZSet)
        return super().bzmpop(seconds, count, *rest)

    @staticmethod
    def _check_pop(number: bytes, rest: tuple[bytes, ...]) -> int:
        count = positive(number, _NUMBER_OF_KEYS)
        if len(rest) <= count:
            raise SimpleError("ERR syntax error")
        options = rest[count + 1 :]
        if options and not (len(options) == 2 and casematch(options[0], b"count")):
            raise SimpleError("ERR syntax error")
        if rest[count].lower() not in {b"left", b"right", b"min", b"max"}:
            raise SimpleError("ERR syntax error")
        if options:
            positive(options[1], _COUNT)
        return count

    def _check_blocking(self, arguments: tuple[bytes, ...], kind: type) -> None:
        parse_timeout(arguments[-1])
        self._check_first(arguments[:-1], kind)

    def _check_first(self, keys: tuple[bytes, ...], kind: type) -> None:
        """Raises `SimpleError` if the first of the keys that exists is of another type."""
        for key in keys:
            item = self._db.get(key)
            if item is None:
                continue
            if type(item.value) is not kind:
                raise SimpleError(msgs.WRONGTYPE_MSG)
            return

    @command("blpop", (bytes, bytes), (bytes,))
    def blpop(self, *arguments: bytes) -> Any:
        self._check_blocking(arguments, list)
        return super().blpop(*arguments)

    @command("brpop", (bytes, bytes), (bytes,))
    def brpop(self, *arguments: bytes) -> Any:
        self._check_blocking(arguments, list)
        return super().brpop(*arguments)

    @command("bzpopmin", (bytes, bytes), (bytes,))
    def bzpopmin(self, *arguments: bytes) -> Any:
        self._check_blocking(arguments, ZSet)
        return super().bzpopmin(*arguments)

    @command("bzpopmax", (bytes, bytes), (bytes,))
    def bzpopmax(self, *arguments: bytes) -> Any:
        self._check_blocking(arguments, ZSet)
        return super().bzpopmax(*arguments)

    @command("blmove", (bytes, bytes, bytes, bytes, bytes))
    def blmove(
        self, source: bytes, target: bytes, taken_from: bytes, put_to: bytes, timeout: bytes
    ) -> Any:
        first, last = _is_left(taken_from), _is_left(put_to)
        seconds = parse_timeout(timeout)
        # Who waited in vain gets no array, who may not wait gets no element.
        shape = None if self._in_transaction else or_null_array
        return self._blocking(seconds, partial(self._move, source, target, first, last), shape)

    @command("brpoplpush", (bytes, bytes, bytes))
    def brpoplpush(self, source: bytes, target: bytes, timeout: bytes) -> Any:
        return self.blmove(source, target, b"right", b"left", timeout)

    def _move(
        self, source: bytes, target: bytes, from_left: bool, to_left: bool, _first: bool
    ) -> bytes | None:
        """Move one element; None if there is none, or no longer a list, to take it from."""
        taken = self._item(source)
        if taken.value is None:
            return None
        put = taken if source == target else self._item(target)
        if not (isinstance(taken.value, list) and isinstance(put.value, (list, NoneType))):
            raise SimpleError(msgs.WRONGTYPE_MSG)
        element: bytes = taken.value.pop(0 if from_left else -1)
        elements = [] if put.value is None else put.value
        elements.insert(0 if to_left else len(elements), element)
        put.update(elements)
        taken.updated()
        put.writeback()
        if put is not taken:
            taken.writeback()
        return element

    @command("sintercard", (bytes, bytes), (bytes,))
    def sintercard(self, number: bytes, *rest: bytes) -> int:
        count = positive(number, _NUMBER_OF_KEYS)
        if count > len(rest):
            raise SimpleError(msgs.TOO_MANY_KEYS_MSG)
        limit = _limit(rest[count:])
        members = [self._members_of(key) for key in rest[:count]]
        found = len(set.intersection(*members))
        return min(found, limit) if limit else found

    def _members_of(self, key: bytes) -> set[bytes]:
        item = self._db.get(key)
        if item is None:
            return set()
        if not isinstance(item.value, ExpiringMembersSet):
            raise SimpleError(msgs.WRONGTYPE_MSG)
        return set(item.value)

    @command("spop", (Key(ExpiringMembersSet),), (bytes,))
    def spop(self, key: CommandItem, *options: bytes) -> Any:
        if len(options) > 1:
            raise SimpleError("ERR syntax error")
        if not options:
            return super().spop(key)
        count = Int.decode(options[0], _MUST_BE_POSITIVE)
        if count < 0:
            raise SimpleError(_MUST_BE_POSITIVE)
        return SetReply(super().spop(key, count))

    @command("smembers", (Key(ExpiringMembersSet),))
    def smembers(self, key: CommandItem) -> SetReply:
        return SetReply(super().smembers(key))

    @command("sinter", (Key(ExpiringMembersSet),), (Key(ExpiringMembersSet),))
    def sinter(self, *keys: CommandItem) -> SetReply:
        return SetReply(super().sinter(*keys))

    @command("sunion", (Key(ExpiringMembersSet),), (Key(ExpiringMembersSet),))
    def sunion(self, *keys: CommandItem) -> SetReply:
        return SetReply(super().sunion(*keys))

    @command("sdiff", (Key(ExpiringMembersSet),), (Key(ExpiringMembersSet),))
    def sdiff(self, *keys: CommandItem) -> SetReply:
        return SetReply(super().sdiff(*keys))

    @command("hrandfield", (Key(Hash),), (bytes,))
    def hrandfield(self, key: CommandItem, *options: bytes) -> Any:
        fields = list(key.value.items())
        if not options:
            return random.choice(fields)[0] if fields else None
        count, pairs = _random_options(options, b"withvalues")
        chosen = _choose(fields, count)
        return self._pairs_reply(chosen) if pairs else [name for name, _ in chosen]

    @command("zrandmember", (Key(ZSet),), (bytes,))
    def zrandmember(self, key: CommandItem, *options: bytes) -> Any:
        members = list(key.value.items())
        if not options:
            return random.choice(members)[0] if members else None
        count, pairs = _random_options(options, b"withscores")
        chosen = _choose(members, count)
        return self._pairs_reply(chosen) if pairs else [name for name, _ in chosen]

    def _pairs_reply(self, pairs: list[tuple[bytes, Any]]) -> list[Any]:
        if self._resp_version == 3:
            return [list(pair) for pair in pairs]
        return [part for pair in pairs for part in pair]

    @command("geopos", (Key(ZSet),), (bytes,))
    def geopos(self, key: CommandItem, *members: bytes) -> list[Any]:
        found = super().geopos(key, *members)
        return [NULL_ARRAY if place is None else place for place in found]

    @command("geodist", (Key(ZSet), bytes, bytes), (bytes,))
    def geodist(self, key: CommandItem, one: bytes, other: bytes, *unit: bytes) -> Any:
        if len(unit) > 1:
            raise SimpleError("ERR syntax error")
        if unit:
            translate_meters_to_unit(unit[0])
        distance = super().geodist(key, one, other, *unit)
        return None if distance is None else b"%.4f" % distance

    @command("geosearch", (Key(ZSet),), (bytes,))
    def geosearch(self, key: CommandItem, *options: bytes) -> Any:
        for at, word in enumerate(options[:-1]):
            if casematch(word, b"count") and Int.decode(options[at + 1]) <= 0:
                raise SimpleError("ERR COUNT must be > 0")
        return super().geosearch(key, *options)


def _is_left(word: bytes) -> bool:
    if word.lower() not in {b"left", b"right"}:
        raise SimpleError("ERR syntax error")
    return word.lower() == b"left"


def _limit(options: tuple[bytes, ...]) -> int:
    if not options:
        return 0
    if len(options) != 2 or not casematch(options[0], b"limit"):
        raise SimpleError("ERR syntax error")
    limit = Int.decode(options[1], "ERR LIMIT can't be negative")
    if limit < 0:
        raise SimpleError("ERR LIMIT can't be negative")
    return limit


def _random_options(options: tuple[bytes, ...], word: bytes) -> tuple[int, bool]:
    count = Int.decode(options[0])
    if len(options) > 2 or (len(options) == 2 and not casematch(options[1], word)):
        raise SimpleError("ERR syntax error")
    if not -(2**62) <= count < 2**62:
        raise SimpleError("ERR value is out of range")
    return count, len(options) == 2


def _choose(pairs: list[tuple[bytes, Any]], count: int) -> list[tuple[bytes, Any]]:
    if not pairs or not count:
        return []
    if count < 0:
        return random.choices(pairs, k=-count)
    return random.sample(pairs, min(count, len(pairs)))
