"""The part of Redis' INFO that health checks read, for a server that has none of its own."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EVERYTHING = frozenset({"all", "default", "everything"})


@dataclass(frozen=True, slots=True)
class ServerState:
    """What INFO reports. `databases` maps a number to (keys, keys that expire)."""

    version: str
    uptime_in_seconds: int
    connected_clients: int
    used_memory: int
    databases: Mapping[int, tuple[int, int]]


def resident_bytes() -> int:
    """Memory that this process holds now; where /proc is missing, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return pages * os.sysconf("SC_PAGE_SIZE")


def render_info(state: ServerState, sections: Iterable[str]) -> bytes:
    """INFO's reply for `sections` (names in any case; none means all)."""
    wanted = {name.lower() for name in sections}
    chosen = [
        _render_section(name, fields)
        for name, fields in _fields(state).items()
        if not wanted or wanted & _EVERYTHING or name.lower() in wanted
    ]
    return "\r\n".join(chosen).encode()


def _render_section(name: str, fields: Mapping[str, object]) -> str:
    lines = [f"# {name}", *(f"{key}:{value}" for key, value in fields.items())]
    return "".join(f"{line}\r\n" for line in lines)


def _fields(state: ServerState) -> dict[str, dict[str, object]]:
    return {
        "Server": {
            "redis_version": state.version,
            "redis_mode": "standalone",
            "process_id": os.getpid(),
            "uptime_in_seconds": state.uptime_in_seconds,
        },
        "Clients": {"connected_clients": state.connected_clients},
        "Memory": {
            "used_memory": state.used_memory,
            "used_memory_human": f"{state.used_memory / 2**20:.2f}M",
            "maxmemory": 0,
        },
        "Persistence": {
            "loading": 0,
            "rdb_last_bgsave_status": "ok",
            "aof_last_write_status": "ok",
        },
        "Replication": {"role": "master", "connected_slaves": 0},
        "Keyspace": {
            f"db{number}": f"keys={keys},expires={expires},avg_ttl=0"
            for number, (keys, expires) in sorted(state.databases.items())
            if keys
        },
    }
