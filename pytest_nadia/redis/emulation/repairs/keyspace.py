"""Commands on keys of any type, and on their bits."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import SimpleError, casematch
from fakeredis.commands_mixins.bitmap_mixin import BitfieldEncoding, BitOffset

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from fakeredis._core import CommandItem

_BITFIELD_WORDS = {b"overflow": 2, b"get": 3, b"set": 4, b"incrby": 4}
_LARGEST_CURSOR = 2**64 - 1


class KeyspaceMixin(SocketBase):
    @command("touch", (Key(),), (Key(),))
    def touch(self, *keys: CommandItem) -> int:
        return sum(key.key in self._db for key in keys)

    @command("move", (Key(), bytes))
    def move(self, key: CommandItem, number: bytes) -> int:
        index = Int.decode(number)
        self.state.check_database(index)
        return int(super().move(key, index))

    @command("copy", (Key(), Key()), (bytes,))
    def copy(self, key: CommandItem, newkey: CommandItem, *options: bytes) -> int:
        number, replace = _copy_options(options, self._db_num)
        self.state.check_database(number)
        target = self._server.dbs[number]
        if number == self._db_num and key.key == newkey.key:
            raise SimpleError("ERR source and destination objects are the same")
        if key.key not in self._db or (newkey.key in target and not replace):
            return 0
        newkey.db = target
        # A copy of its own: fakeredis lets both keys share the value.
        newkey.value = deepcopy(key.value)
        newkey.expireat = key.expireat
        return 1

    @command("scan", (bytes,), (bytes,))
    def scan(self, cursor: bytes, *options: bytes) -> list[Any]:
        return self._scan(self._db, _cursor(cursor), *options)

    @command("bitcount", (Key(bytes),), (bytes,), "i")
    def bitcount(self, key: CommandItem, *options: bytes) -> int:
        if key.value is None and self.state.version < (7, 4):
            return 0
        return int(super().bitcount(key, *options))

    @command("bitfield", (Key(bytes),), (bytes,))
    def bitfield(self, key: CommandItem, *options: bytes) -> Any:
        replies = super().bitfield(key, *options)
        # What would be written makes room for itself, even if it then fails to overflow.
        size, value = _bytes_written(options), key.get(b"")
        if size > len(value):
            key.update(value.ljust(size, b"\0"))
        return replies

    @command("bitfield_ro", (Key(bytes),), (bytes,))
    def bitfield_ro(self, key: CommandItem, *options: bytes) -> Any:
        if any(not casematch(word, b"get") for word in options[::3]):
            raise SimpleError("ERR BITFIELD_RO only supports the GET subcommand")
        return self.bitfield(key, *options)


def _bytes_written(options: tuple[bytes, ...]) -> int:
    """How long the string must be for all that valid options of BITFIELD write."""
    size = at = 0
    while at < len(options):
        word = options[at].lower()
        if word in {b"set", b"incrby"}:
            width = BitfieldEncoding(options[at + 1]).size
            last = BitOffset.decode_offset(options[at + 2], width) + width - 1
            size = max(size, last // 8 + 1)
        at += _BITFIELD_WORDS[word]
    return size


def _copy_options(options: tuple[bytes, ...], number: int) -> tuple[int, bool]:
    replace = False
    at = 0
    while at < len(options):
        if casematch(options[at], b"replace"):
            replace = True
        elif casematch(options[at], b"db") and at + 1 < len(options):
            at += 1
            number = Int.decode(options[at])
        else:
            raise SimpleError("ERR syntax error")
        at += 1
    return number, replace


def _cursor(text: bytes) -> int:
    sign, digits = text[:1], text.lstrip(b"+-") or b"0" * (not text)
    if not digits.isdigit() or int(digits) > _LARGEST_CURSOR or text.count(b"-") > 1:
        raise SimpleError("ERR invalid cursor")
    return _LARGEST_CURSOR + 1 - int(digits) if sign == b"-" and int(digits) else int(digits)
