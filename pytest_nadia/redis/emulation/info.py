"""INFO: the sections of Redis 7 in its order, each field with the value that it has now."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.process import machine_bytes, resident_bytes, system_name
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.state import BASE_MEMORY
from pytest_nadia.redis.emulation.values import Verbatim
from pytest_nadia.redis.info_fields import human, is_asked_for, template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_nadia.redis.emulation.database import WeighedDatabase
    from pytest_nadia.redis.emulation.state import ServerState

__all__ = ["InfoMixin", "human"]

Fields = dict[str, object]


class InfoMixin(SocketBase):
    @command("info", (), (bytes,))
    def info(self, *sections: bytes) -> Verbatim:
        asked = {name.decode(errors="replace").lower() for name in sections}
        live = self._live_fields(self.state)
        chosen = [
            _render(name, {**fields, **live.get(name, {})})
            for name, fields in template().items()
            if is_asked_for(name.lower(), asked)
        ]
        return Verbatim("\r\n".join(chosen).encode("utf-8", "surrogateescape"))

    def _live_fields(self, state: ServerState) -> dict[str, Fields]:
        return {
            "Server": _server(state),
            "Clients": self._clients_fields(),
            "Memory": _memory(state),
            "Persistence": _persistence(state),
            "Stats": _stats(state),
            "Replication": {"master_replid": state.replication_id},
            "CPU": _cpu(),
            "Commandstats": _command_statistics(state),
            "Errorstats": _error_statistics(state),
            "Keyspace": _keyspace(state),
        }

    def _clients_fields(self) -> Fields:
        sockets = self._server.sockets
        return {
            "connected_clients": len(sockets),
            "maxclients": self.state.parameters["maxclients"],
            "blocked_clients": sum(socket._blocked for socket in sockets),
        }


def _render(name: str, fields: Mapping[str, object]) -> str:
    return "".join([f"# {name}\r\n", *(f"{key}:{value}\r\n" for key, value in fields.items())])


def _server(state: ServerState) -> Fields:
    uptime = int(state.clock.now() - state.started)
    wall = state.clock.wall()
    return {
        "redis_version": state.version_text,
        "os": system_name(),
        "process_id": os.getpid(),
        "run_id": state.run_id,
        "tcp_port": state.port,
        "server_time_usec": int(wall * 1_000_000),
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86400,
        "hz": state.parameters["hz"],
        "configured_hz": state.parameters["hz"],
        "lru_clock": int(wall) & 0xFFFFFF,
        "executable": "",
    }


def _memory(state: ServerState) -> Fields:
    sizes = _sizes(state)
    readable = {f"{name}_human": human(size) for name, size in sizes.items()}
    return {
        **sizes,
        **readable,
        **_dataset(sizes["used_memory"], sizes["used_memory_peak"]),
        **_allocator(sizes["used_memory"], sizes["used_memory_rss"]),
        "used_memory_scripts_eval": sizes["used_memory_scripts"],
        "number_of_cached_scripts": len(state.server.script_cache),
        "maxmemory_policy": state.settings.policy,
    }


def _sizes(state: ServerState) -> dict[str, int]:
    """In bytes; each is shown for people too."""
    return {
        "used_memory": state.used_memory(),
        "used_memory_rss": resident_bytes(),
        "used_memory_peak": state.peak_memory,
        "total_system_memory": machine_bytes(),
        "used_memory_scripts": sum(map(len, state.server.script_cache.values())),
        "maxmemory": state.settings.max_memory,
    }


def _dataset(used: int, peak: int) -> Fields:
    dataset = used - BASE_MEMORY
    return {
        "used_memory_peak_perc": f"{used / peak * 100:.2f}%",
        "used_memory_overhead": BASE_MEMORY,
        "used_memory_startup": BASE_MEMORY,
        "used_memory_dataset": dataset,
        "used_memory_dataset_perc": f"{100.0 if dataset else 0.0:.2f}%",
    }


def _allocator(used: int, resident: int) -> Fields:
    return {
        "allocator_allocated": used,
        "allocator_active": used,
        "allocator_resident": resident,
        "allocator_frag_ratio": "1.00",
        "allocator_frag_bytes": 0,
        **_excess("allocator_rss", resident, used),
        **_excess("rss_overhead", resident, resident),
        **_excess("mem_fragmentation", resident, used),
        "mem_allocator": "libc",
    }


def _excess(name: str, larger: int, smaller: int) -> Fields:
    return {f"{name}_ratio": f"{larger / smaller:.2f}", f"{name}_bytes": larger - smaller}


def _persistence(state: ServerState) -> Fields:
    enabled = state.parameters["appendonly"] == "yes"
    return {
        "rdb_changes_since_last_save": state.changes(),
        "rdb_last_save_time": state.server.lastsave,
        "aof_enabled": int(enabled),
    }


def _stats(state: ServerState) -> Fields:
    statistics = state.statistics
    return {
        "total_connections_received": statistics.connections,
        "total_commands_processed": statistics.processed(),
        "instantaneous_ops_per_sec": statistics.per_second(state.clock.now()),
        "total_net_input_bytes": statistics.input_bytes,
        "total_net_output_bytes": statistics.output_bytes,
        "expired_keys": statistics.expired_keys,
        "evicted_keys": statistics.evicted_keys,
        "keyspace_hits": statistics.hits,
        "keyspace_misses": statistics.misses,
        "pubsub_channels": sum(map(bool, state.server.subscribers.values())),
        "pubsub_patterns": sum(map(bool, state.server.psubscribers.values())),
        "pubsubshard_channels": sum(map(bool, state.server.ssubscribers.values())),
        "total_error_replies": statistics.error_replies,
        "total_reads_processed": statistics.processed(),
        "total_writes_processed": statistics.processed(),
    }


def _cpu() -> Fields:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    system, user = f"{usage.ru_stime:.6f}", f"{usage.ru_utime:.6f}"
    return {
        "used_cpu_sys": system,
        "used_cpu_user": user,
        "used_cpu_sys_main_thread": system,
        "used_cpu_user_main_thread": user,
    }


def _command_statistics(state: ServerState) -> Fields:
    return {
        f"cmdstat_{name}": (
            f"calls={tally.calls},usec={round(tally.seconds * 1e6)},"
            f"usec_per_call={tally.seconds * 1e6 / tally.calls if tally.calls else 0.0:.2f},"
            f"rejected_calls={tally.rejected},failed_calls={tally.failed}"
        )
        for name, tally in state.statistics.commands.items()
        if tally.calls or tally.rejected
    }


def _error_statistics(state: ServerState) -> Fields:
    errors = sorted(state.statistics.errors.items())
    return {f"errorstat_{code}": f"count={count}" for code, count in errors}


def _keyspace(state: ServerState) -> Fields:
    databases = sorted(state.databases().items())
    return {f"db{number}": _database(db, state) for number, db in databases if len(db)}


def _database(database: WeighedDatabase, state: ServerState) -> str:
    expiries = database.expiries()
    now = state.clock.wall()
    average = sum(when - now for when in expiries) / len(expiries) if expiries else 0
    return f"keys={len(database)},expires={len(expiries)},avg_ttl={max(0, int(average * 1000))}"
