"""OBJECT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakeredis._commands import Key
from fakeredis._helpers import SimpleError

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.encodings import encoding_of, is_integer
from pytest_nadia.redis.emulation.helptexts import help_lines
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from fakeredis._core import CommandItem
    from fakeredis._helpers import SimpleString

_SHARED_INTEGERS = 10_000
_SHARED_REFERENCES = 2**31 - 1
_FREQUENCY_OF_A_NEW_KEY = 5
_NO_FREQUENCY = (
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust."
)
_NO_IDLE_TIME = (
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust."
)


class ObjectMixin(SocketBase):
    @command("object encoding", (Key(),))
    def object_encoding(self, key: CommandItem) -> bytes | None:
        if key.key not in self._db:
            return None
        return encoding_of(key.value, self.state.settings.limits)

    @command("object refcount", (Key(),))
    def object_refcount(self, key: CommandItem) -> int | None:
        if key.key not in self._db:
            return None
        value = key.value
        shared = isinstance(value, bytes) and is_integer(value)
        return _SHARED_REFERENCES if shared and 0 <= int(value) < _SHARED_INTEGERS else 1

    @command("object idletime", (Key(),))
    def object_idletime(self, key: CommandItem) -> int | None:
        if key.key not in self._db:
            return None
        if "lfu" in self.state.settings.policy:
            raise SimpleError(_NO_IDLE_TIME)
        return 0

    @command("object freq", (Key(),))
    def object_freq(self, key: CommandItem) -> int | None:
        if key.key not in self._db:
            return None
        if "lfu" not in self.state.settings.policy:
            raise SimpleError(_NO_FREQUENCY)
        return _FREQUENCY_OF_A_NEW_KEY

    @command("object help")
    def object_help(self) -> list[SimpleString]:
        return help_lines("object")
