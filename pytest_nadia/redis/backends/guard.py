"""What the tests may not do on a server that others use too.

A client of the front believes to be in database 0 of a server of its own. It gets the leased
database under that number, and every command that reaches beyond it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OTHER_DATA = "it reaches beyond the database of these tests"
_ALL = "it empties the databases of others, use FLUSHDB"
_SETTINGS = "it changes the whole server"
_BLOCKS = "it stops the server for everybody"
_DISK = "it writes everybody's data to disk"
_CLIENTS = "it interferes with the clients of others"
_SPIES = "it shows what others do"
_SCRIPTS = "the scripts of others are kept there too"
_CONNECTION = "the connection would leave the database of these tests"

_REFUSED = {
    "ACL DELUSER": _SETTINGS,
    "ACL LOAD": _SETTINGS,
    "ACL SAVE": _SETTINGS,
    "ACL SETUSER": _SETTINGS,
    "BGREWRITEAOF": _DISK,
    "BGSAVE": _DISK,
    "CLIENT KILL": _CLIENTS,
    "CLIENT PAUSE": _CLIENTS,
    "CLIENT UNPAUSE": _CLIENTS,
    "CONFIG RESETSTAT": _SETTINGS,
    "CONFIG REWRITE": _SETTINGS,
    "CONFIG SET": _SETTINGS,
    "DEBUG": _SETTINGS,
    "FAILOVER": _SETTINGS,
    "FLUSHALL": _ALL,
    "FUNCTION FLUSH": _SCRIPTS,
    "FUNCTION KILL": _SCRIPTS,
    "FUNCTION RESTORE": _SCRIPTS,
    "LATENCY RESET": _SETTINGS,
    "MIGRATE": _OTHER_DATA,
    "MODULE LOAD": _SETTINGS,
    "MODULE LOADEX": _SETTINGS,
    "MODULE UNLOAD": _SETTINGS,
    "MONITOR": _SPIES,
    "MOVE": _OTHER_DATA,
    "PSYNC": _SPIES,
    "REPLICAOF": _SETTINGS,
    "RESET": _CONNECTION,
    "SAVE": _BLOCKS,
    "SCRIPT FLUSH": _SCRIPTS,
    "SCRIPT KILL": _SCRIPTS,
    "SHUTDOWN": _BLOCKS,
    "SLAVEOF": _SETTINGS,
    "SLOWLOG RESET": _SETTINGS,
    "SWAPDB": _OTHER_DATA,
    "SYNC": _SPIES,
}

# A script that builds the command's name from parts is not seen: this is against accidents.
_CALL_IN_SCRIPT = re.compile(rb"""\bp?call\s*\(\s*(["'])(\w+)\1(?:\s*,\s*(["'])(\w+)\3)?""")
_REFUSED_IN_SCRIPT = {**_REFUSED, "SELECT": _OTHER_DATA}

Fields: TypeAlias = "Sequence[bytes]"


@dataclass(frozen=True)
class Replacement:
    """What to send to the server in place of the client's command."""

    fields: tuple[bytes, ...]


Decision: TypeAlias = bytes | Replacement | None


@dataclass(frozen=True)
class Guard:
    """Judges the commands of the tests, which own `database` of a shared server and no more."""

    database: int

    def decide(self, name: str, fields: Sequence[bytes]) -> Decision:
        """None lets the command pass; bytes are the error that answers it, ready for the wire.

        `name` is in upper case, with the sub-command after a space where there is one; `fields`
        is the whole command.
        """
        first = name.partition(" ")[0]
        if reason := _REFUSED.get(name) or _REFUSED.get(first):
            return _refusal(name, reason)
        if rule := _RULES.get(name):
            return rule(name, fields, self.database)
        return None


def _select(name: str, fields: Fields, database: int) -> Decision:
    if len(fields) != 2 or not _is_number(fields[1]):
        return None  # the server has its own error for it
    if int(fields[1]) != 0:
        return _refusal(f"SELECT {int(fields[1])}", "these tests have database 0 and no other")
    return Replacement((fields[0], b"%d" % database))


def _copy(name: str, fields: Fields, database: int) -> Decision:
    """COPY source destination [DB number] [REPLACE]"""
    options = [field.upper() for field in fields[3:]]
    if b"DB" not in options:
        return None
    place = 3 + options.index(b"DB") + 1
    if place >= len(fields) or not _is_number(fields[place]):
        return None
    if int(fields[place]) != 0:
        return _refusal("COPY to another database", _OTHER_DATA)
    return Replacement((*fields[:place], b"%d" % database, *fields[place + 1 :]))


def _eval(name: str, fields: Fields, database: int) -> Decision:
    return _judge_script(b"".join(fields[1:2]))


def _load(name: str, fields: Fields, database: int) -> Decision:
    """SCRIPT LOAD script, FUNCTION LOAD [REPLACE] code"""
    return _judge_script(b"".join(fields[-1:]))


def _judge_script(script: bytes) -> Decision:
    for match in _CALL_IN_SCRIPT.finditer(script):
        first, second = (match[group] or b"" for group in (2, 4))
        called = first.decode(errors="replace").upper()
        both = f"{called} {second.decode(errors='replace').upper()}"
        if reason := _REFUSED_IN_SCRIPT.get(both) or _REFUSED_IN_SCRIPT.get(called):
            return _refusal(f"{called} in a script", reason)
    return None


def _is_number(text: bytes) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _refusal(what: str, reason: str) -> bytes:
    text = f"{what} refused, this Redis is shared: {reason} (--nadia-redis=server allows it)"
    return f"-ERR nadia: {text}\r\n".encode()


_RULES: dict[str, Callable[[str, Fields, int], Decision]] = {
    "COPY": _copy,
    "EVAL": _eval,
    "EVAL_RO": _eval,
    "FUNCTION LOAD": _load,
    "SCRIPT LOAD": _load,
    "SELECT": _select,
}
