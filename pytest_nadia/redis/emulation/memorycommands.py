"""MEMORY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import OK, SimpleError, casematch

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.helptexts import help_lines
from pytest_nadia.redis.emulation.process import resident_bytes
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.sizes import SAMPLES, key_size
from pytest_nadia.redis.emulation.state import BASE_MEMORY
from pytest_nadia.redis.emulation.values import Verbatim

if TYPE_CHECKING:
    from fakeredis._core import CommandItem
    from fakeredis._helpers import SimpleString

    from pytest_nadia.redis.emulation.state import ServerState

_TOO_LITTLE = 5 * 1024 * 1024
_EMPTY = (
    b"Hi Sam, this instance is empty or is using very little memory, my issues detector can't be "
    b"used in these conditions. Please, leave for your mission on Earth and fill it with some "
    b"data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n"
)
_HEALTHY = (
    b"Hi Sam, I can't find any memory issue in your instance. I can only account for what "
    b"occurs on this base.\n"
)
_NOTHING = (
    *(b"replication.backlog", b"clients.slaves", b"clients.normal"),
    *(b"cluster.links", b"aof.buffer", b"lua.caches"),
)


class MemoryMixin(SocketBase):
    @command("memory usage", (Key(),), (bytes,))
    def memory_usage(self, key: CommandItem, *options: bytes) -> int | None:
        samples = SAMPLES
        if options:
            if len(options) != 2 or not casematch(options[0], b"samples"):
                raise SimpleError("ERR syntax error")
            samples = Int.decode(options[1])
            if samples < 0:
                raise SimpleError("ERR syntax error")
        if key.key not in self._db:
            return None
        return key_size(key.key, key.value, self.state.settings.limits, samples)

    @command("memory stats")
    def memory_stats(self) -> dict[bytes, Any]:
        used = self.state.used_memory()
        return {
            **_totals(self.state, used),
            **_dataset(self.state, used),
            **_allocator(used, resident_bytes()),
        }

    @command("memory doctor")
    def memory_doctor(self) -> Verbatim:
        return Verbatim(_EMPTY if self.state.used_memory() < _TOO_LITTLE else _HEALTHY)

    @command("memory purge")
    def memory_purge(self) -> SimpleString:
        return OK

    @command("memory malloc-stats")
    def memory_malloc_stats(self) -> Verbatim:
        return Verbatim(b"Stats not supported for the current allocator")

    @command("memory help")
    def memory_help(self) -> list[SimpleString]:
        return help_lines("memory")


def _totals(state: ServerState, used: int) -> dict[bytes, Any]:
    return {
        b"peak.allocated": state.peak_memory,
        b"total.allocated": used,
        b"startup.allocated": BASE_MEMORY,
        **dict.fromkeys(_NOTHING, 0),
        b"functions.caches": 200,
        b"overhead.total": BASE_MEMORY,
    }


def _dataset(state: ServerState, used: int) -> dict[bytes, Any]:
    keys = sum(map(len, state.databases().values()))
    dataset = used - BASE_MEMORY
    return {
        b"keys.count": keys,
        b"keys.bytes-per-key": dataset // keys if keys else 0,
        b"dataset.bytes": dataset,
        b"dataset.percentage": 100.0 if dataset else 0.0,
        b"peak.percentage": used / state.peak_memory * 100,
    }


def _allocator(used: int, resident: int) -> dict[bytes, Any]:
    return {
        b"allocator.allocated": used,
        b"allocator.active": used,
        b"allocator.resident": resident,
        b"allocator-fragmentation.ratio": 1.0,
        b"allocator-fragmentation.bytes": 0,
        b"allocator-rss.ratio": resident / used,
        b"allocator-rss.bytes": resident - used,
        b"rss-overhead.ratio": 1.0,
        b"rss-overhead.bytes": 0,
        b"fragmentation": resident / used,
        b"fragmentation.bytes": resident - used,
    }
