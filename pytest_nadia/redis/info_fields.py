"""The fields of INFO, and which section shows each of them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_TEMPLATE = Path(__file__).with_name("emulation") / "data" / "info.txt"
# What a fresh server does not show: it is a replica's, is loading, writes a log, or is newer.
_SOMETIMES = {
    "server": "shutdown_in_milliseconds redis_name server_name server_mode valkey_version "
    "valkey_release_stage availability_zone",
    "clients": "watching_clients pubsub_clients total_watched_keys total_blocking_keys "
    "total_blocking_keys_on_nokey paused_reason paused_actions paused_timeout_milliseconds",
    "memory": "allocator_muzzy mem_overhead_db_hashtable_rehashing used_memory_peak_time "
    "mem_replica_full_sync_buffer",
    "persistence": "aof_current_size aof_base_size aof_pending_rewrite aof_buffer_length "
    "aof_pending_bio_fsync aof_delayed_fsync loading_start_time loading_total_bytes "
    "loading_rdb_used_mem loading_loaded_bytes loading_loaded_perc loading_eta_seconds",
    "stats": "expired_subkeys evicted_scripts expired_keys_active acl_access_denied_auth "
    "acl_access_denied_cmd acl_access_denied_key acl_access_denied_channel "
    "client_query_buffer_limit_disconnections client_output_buffer_limit_disconnections "
    "eventloop_cycles eventloop_duration_sum eventloop_duration_cmd_sum "
    "instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec "
    "total_active_defrag_time",
    "replication": "min_slaves_good_slaves master_host master_port master_link_status "
    "master_last_io_seconds_ago master_sync_in_progress slave_read_repl_offset "
    "slave_repl_offset master_sync_total_bytes master_sync_read_bytes master_sync_left_bytes "
    "master_sync_perc master_sync_last_io_seconds_ago master_link_down_since_seconds "
    "slave_priority slave_read_only replica_announced replicas_waiting_psync "
    "replicas_repl_buffer_size",
    "modules": "module",
}
_NUMBERED = {
    "server": re.compile(r"listener\d+"),
    "stats": re.compile(r"io_thread_\d+"),
    "replication": re.compile(r"slave\d+"),
    "commandstats": re.compile(r"cmdstat_.+"),
    "errorstats": re.compile(r"errorstat_.+"),
    "latencystats": re.compile(r"latency_percentiles_usec_.+"),
    "keyspace": re.compile(r"db\d+"),
}
_EVERYTHING = frozenset({"all", "everything"})
_NOT_BY_DEFAULT = frozenset({"commandstats", "latencystats"})
_UNITS = ((1024**3, "G"), (1024**2, "M"), (1024, "K"))


@cache
def template() -> dict[str, dict[str, str]]:
    """The sections and their fields, as a fresh Redis 7.0 has them."""
    sections: dict[str, dict[str, str]] = {}
    for line in _TEMPLATE.read_text("utf-8").splitlines():
        if line.startswith("# "):
            current = sections.setdefault(line[2:], {})
        elif line:
            name, _, value = line.partition(":")
            current[name] = value
    return sections


@cache
def _sections() -> dict[str, str]:
    """Each known field's section, in lower case."""
    always = {name: section.lower() for section, names in template().items() for name in names}
    return always | {name: at for at, names in _SOMETIMES.items() for name in names.split()}


def section_of(field: str) -> str:
    """The section that shows the field, in lower case; "" if no section of Redis does."""
    if known := _sections().get(field):
        return known
    return next((at for at, names in _NUMBERED.items() if names.fullmatch(field)), "")


def nearest_field(field: str, others: Iterable[str] = ()) -> str:
    """The known field whose name resembles it most, or ""."""
    import difflib

    names = [*_sections(), *others]
    return next(iter(difflib.get_close_matches(field.lower(), names, n=1)), "")


def is_asked_for(section: str, asked: Collection[str]) -> bool:
    """Whether an INFO with these arguments, in lower case, shows the section."""
    if section in asked or not _EVERYTHING.isdisjoint(asked):
        return True
    return (not asked or "default" in asked) and section not in _NOT_BY_DEFAULT


def with_readable(fields: dict[str, str]) -> dict[str, str]:
    """The fields, and next to a size in bytes the same size for people: used_memory_human."""
    derived = {
        f"{name}_human": human(int(value))
        for name, value in fields.items()
        if value.isdecimal() and section_of(f"{name}_human")
    }
    return {**fields, **derived, **fields}


def human(size: float) -> str:
    """Bytes as INFO writes them for people: 1.50M."""
    for unit, letter in _UNITS:
        if size >= unit:
            return f"{size / unit:.2f}{letter}"
    return f"{int(size)}B"
