"""The parameters that CONFIG knows, with Redis 7.0's defaults, and how their values are read."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1024,
    "m": 1000**2,
    "mb": 1024**2,
    "g": 1000**3,
    "gb": 1024**3,
}
_POLICIES = (
    *("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"),
    *("allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"),
)
_LEVELS = ("debug", "verbose", "notice", "warning")
_MEMORY = {
    "maxmemory": (0, 2**64 - 1),
    "maxmemory-clients": (0, 2**64 - 1),
    "proto-max-bulk-len": (1024 * 1024, 2**63 - 1),
    "client-query-buffer-limit": (1024 * 1024, 2**63 - 1),
    "repl-backlog-size": (1, 2**63 - 1),
    "auto-aof-rewrite-min-size": (0, 2**63 - 1),
    "active-defrag-ignore-bytes": (1, 2**63 - 1),
    "hash-max-listpack-value": (0, 2**63 - 1),
    "zset-max-listpack-value": (0, 2**63 - 1),
    "hll-sparse-max-bytes": (0, 2**63 - 1),
    "stream-node-max-bytes": (0, 2**63 - 1),
}
_INTEGERS = {
    "timeout": (0, 2**31 - 1),
    "tcp-keepalive": (0, 2**31 - 1),
    "hz": (0, 2**31 - 1),
    "maxclients": (1, 2**32 - 1),
    "maxmemory-samples": (1, 64),
    "slowlog-log-slower-than": (-1, 2**63 - 1),
    "slowlog-max-len": (0, 2**63 - 1),
    "latency-monitor-threshold": (0, 2**63 - 1),
    "acllog-max-len": (0, 2**63 - 1),
    "lfu-log-factor": (0, 2**31 - 1),
    "lfu-decay-time": (0, 2**31 - 1),
    "busy-reply-threshold": (0, 2**63 - 1),
    "list-compress-depth": (0, 2**31 - 1),
    "list-max-listpack-size": (-(2**31), 2**31 - 1),
    "hash-max-listpack-entries": (0, 2**63 - 1),
    "zset-max-listpack-entries": (0, 2**63 - 1),
    "set-max-intset-entries": (0, 2**63 - 1),
    "stream-node-max-entries": (0, 2**63 - 1),
    "replica-priority": (0, 2**31 - 1),
    "repl-timeout": (1, 2**31 - 1),
    "active-expire-effort": (1, 10),
}
_IMMUTABLE_NAMES = """
databases daemonize supervised pidfile unixsocket unixsocketperm logfile tcp-backlog cluster-enabled
cluster-config-file aclfile appendfilename appenddirname always-show-logo syslog-enabled
syslog-ident syslog-facility io-threads io-threads-do-reads bind-source-addr enable-debug-command
enable-module-command enable-protected-configs rdbchecksum aof_rewrite_cpulist bgsave_cpulist
bio_cpulist server_cpulist set-proc-title disable-thp replicaof slaveof
"""
_IMMUTABLE = frozenset(_IMMUTABLE_NAMES.split())
_ENUMERATIONS = {
    "maxmemory-policy": _POLICIES,
    "loglevel": _LEVELS,
    "appendfsync": ("everysec", "always", "no"),
    "repl-diskless-load": ("disabled", "on-empty-db", "swapdb"),
    "acl-pubsub-default": ("allchannels", "resetchannels"),
    "sanitize-dump-payload": ("no", "yes", "clients"),
}
_ALIASES = {
    "hash-max-ziplist-entries": "hash-max-listpack-entries",
    "hash-max-ziplist-value": "hash-max-listpack-value",
    "zset-max-ziplist-entries": "zset-max-listpack-entries",
    "zset-max-ziplist-value": "zset-max-listpack-value",
    "list-max-ziplist-size": "list-max-listpack-size",
    "lua-time-limit": "busy-reply-threshold",
    "slave-priority": "replica-priority",
    "slave-read-only": "replica-read-only",
    "slave-serve-stale-data": "replica-serve-stale-data",
    "slave-ignore-maxmemory": "replica-ignore-maxmemory",
    "slave-lazy-flush": "replica-lazy-flush",
    "slave-announce-ip": "replica-announce-ip",
    "slave-announce-port": "replica-announce-port",
    "repl-ping-slave-period": "repl-ping-replica-period",
    "min-slaves-to-write": "min-replicas-to-write",
    "min-slaves-max-lag": "min-replicas-max-lag",
}
_CLASSES = "g$lshzxetd"


class ParameterError(ValueError):
    """A value does not fit its parameter; the message is the part of the reply after the dash."""


@cache
def defaults() -> Mapping[str, str]:
    """Each parameter's value in a server that was started without a configuration file."""
    text = files(__package__).joinpath("data/parameters.txt").read_text(encoding="utf-8")
    pairs = (line.partition(" ") for line in text.splitlines())
    return {name: value for name, _, value in pairs}


def canonical(name: str) -> str:
    """The name under which a parameter is kept, whatever older name it was called by."""
    return _ALIASES.get(name, name)


def aliases_of(name: str) -> list[str]:
    return [alias for alias, real in _ALIASES.items() if real == name]


def is_immutable(name: str) -> bool:
    return name in _IMMUTABLE


def normalize(name: str, text: str) -> str:
    """A value as CONFIG GET gives it back. Raises `ParameterError`."""
    if name in _MEMORY:
        return _bounded(_memory(text), *_MEMORY[name])
    if name in _INTEGERS:
        return _bounded(_integer(text), *_INTEGERS[name])
    if name in _ENUMERATIONS:
        return _one_of(text, _ENUMERATIONS[name])
    return _special(name)(text)


def _special(name: str) -> Callable[[str], str]:
    if name == "notify-keyspace-events":
        return _notifications
    if name == "save":
        return _save_points
    return _yes_or_no if defaults().get(name) in {"yes", "no"} else str


def _memory(text: str) -> int:
    digits = text.rstrip("bBkKmMgG")
    unit = _UNITS.get(text[len(digits) :].lower())
    if not text:
        return 0
    if unit is None or not digits.lstrip("-").isdigit() or digits.startswith("-"):
        raise ParameterError("argument must be a memory value")
    return int(digits) * unit


def _integer(text: str) -> int:
    digits = text.removeprefix("-")
    readable = digits.isascii() and digits.isdigit() and str(int(text)) == text
    if not readable or not -(2**63) <= int(text) < 2**63:
        raise ParameterError("argument couldn't be parsed into an integer")
    return int(text)


def _bounded(number: int, least: int, most: int) -> str:
    if not least <= number <= most:
        raise ParameterError(f"argument must be between {least} and {most} inclusive")
    return str(number)


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text.lower() not in allowed:
        raise ParameterError(f"argument(s) must be one of the following: {', '.join(allowed)}")
    return text.lower()


def _yes_or_no(text: str) -> str:
    if text.lower() not in {"yes", "no"}:
        raise ParameterError("argument must be 'yes' or 'no'")
    return text.lower()


def _save_points(text: str) -> str:
    numbers = text.split()
    if len(numbers) % 2 or not all(number.isdigit() for number in numbers):
        raise ParameterError("Invalid save parameters")
    return " ".join(numbers)


def _notifications(text: str) -> str:
    if set(text) - set(_CLASSES + "nKEmA"):
        raise ParameterError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
    wanted = set(text) | (set(_CLASSES) if "A" in text else set())
    if wanted >= set(_CLASSES):
        classes = "A"
    else:
        classes = "".join(letter for letter in _CLASSES + "n" if letter in wanted)
    return classes + "".join(letter for letter in "KEm" if letter in wanted)
