"""What a Redis command is called, which key it names, what it may do, and what people call it.

A command is the list of fields that goes over the wire. Its name is in upper case, with the
sub-command after a space: "GET", "CLIENT LIST".
"""

from __future__ import annotations

from functools import cache
from string import ascii_uppercase
from typing import TYPE_CHECKING

from pytest_nadia.redis.command_table import (
    DEPRECATED,
    GROUPS,
    HANDSHAKE,
    ROLE_QUESTION,
    SENT_AS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_NAME = 64


def name_of(fields: Sequence[bytes]) -> str:
    """The command's name; a command that nobody knows is named as it was sent."""
    name = _PLAIN.get(fields[0]) if fields else ""
    return _spell(fields) if name is None else name


def _spell(fields: Sequence[bytes]) -> str:
    word = fields[0][:_LONGEST_NAME].upper()
    if word not in _CONTAINERS or len(fields) == 1:
        return _text(word)
    return f"{_text(word)} {_text(fields[1][:_LONGEST_NAME].upper())}"


def _text(word: bytes) -> str:
    return word.decode("ascii", "backslashreplace")


def key_of(name: str, fields: Sequence[bytes]) -> bytes | None:
    """The first key that a command names, or None where it names none."""
    place = _KEYS.get(name)
    # The commands of modules name their key first.
    if place is None and "." in name:
        place = "1"
    if place is None or place == "0":
        return None
    if place == "streams":
        return _after(fields, b"STREAMS", 4 if name == "XREADGROUP" else 1)
    if place == "migrate":
        return _field(fields, 3) or _after(fields, b"KEYS", 6)
    if place[0] == "#":
        return _counted(fields, int(place[1:]))
    return _field(fields, int(place))


def _field(fields: Sequence[bytes], place: int) -> bytes | None:
    return fields[place] if place < len(fields) else None


def _counted(fields: Sequence[bytes], place: int) -> bytes | None:
    count = _field(fields, place) or b""
    return _field(fields, place + 1) if count.isdigit() and int(count) else None


def _after(fields: Sequence[bytes], word: bytes, start: int) -> bytes | None:
    for place in range(start, len(fields)):
        if fields[place].upper() == word:
            return _field(fields, place + 1)
    return None


def may_write(name: str) -> bool:
    """Whether the command can change data: writes, scripts, EXEC, and what nobody knows."""
    return name in _WRITE or name in _SCRIPT or name not in _KEYS


def is_denied_on_oom(name: str) -> bool:
    """Whether Redis refuses the command when it is above `maxmemory`."""
    return name in _DENYOOM


def is_allowed_while_loading(name: str) -> bool:
    """Whether Redis answers the command while it loads its data."""
    return name in _LOADING


def is_allowed_while_busy(name: str) -> bool:
    """Whether Redis answers the command while a script runs for too long."""
    return name in _BUSY


def is_allowed_without_auth(name: str) -> bool:
    """Whether a client may send the command before it gave the password."""
    return name in _NOAUTH


def is_blocking(name: str, fields: Sequence[bytes] | None = None) -> bool:
    """Whether the command can make its client wait; of XREAD, if `fields` ask for it."""
    if name not in _BLOCKING:
        return False
    if fields is None or name not in ("XREAD", "XREADGROUP"):
        return True
    return _asks_to_block(fields, 4 if name == "XREADGROUP" else 1)


def _asks_to_block(fields: Sequence[bytes], start: int) -> bool:
    for field in fields[start:]:
        word = field.upper()
        if word in (b"BLOCK", b"STREAMS"):
            return word == b"BLOCK"
    return False


def is_handshake(name: str, fields: Sequence[bytes] = ()) -> bool:
    """Whether client libraries send the command by themselves when they have connected."""
    return name in HANDSHAKE or (name == "INFO" and list(fields) == ROLE_QUESTION)


def deprecated(name: str) -> tuple[str, str] | None:
    """Since which Redis a command is deprecated, and what to use instead."""
    return DEPRECATED.get(name)


def matches(pattern: str, name: str) -> bool:
    """Whether what a user calls `pattern` covers the command `name`.

    A pattern is a command, a container ("CLIENT" covers "CLIENT LIST") or a method of a client
    library ("delete" covers "DEL"), in any case. It covers as well what libraries send for it:
    redis-py's `incr()` sends INCRBY.
    """
    accepted = _accepted(pattern)
    return name in accepted or (" " in name and name.partition(" ")[0] in accepted)


def canonical(pattern: str) -> str | None:
    """The command that a user means, or None if there is none of that name."""
    return _KNOWN.get(_squeezed(pattern))


def nearest(pattern: str) -> list[str]:
    """Commands whose names resemble one that is not known, the most similar first."""
    import difflib

    meant = _squeezed(pattern)
    close = [word for word in _one_slip_away(meant) if word in _KNOWN]
    close += difflib.get_close_matches(meant, _KNOWN, n=3, cutoff=0.7)
    return list(dict.fromkeys(_KNOWN[word] for word in close))[:3]


def _one_slip_away(word: str) -> Iterator[str]:
    """What was meant if two letters changed places, or one is too many, missing or wrong."""
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (left + rest[1] + rest[0] + rest[2:] for left, rest in parts if len(rest) > 1)
    yield from (left + rest[1:] for left, rest in parts if rest)
    yield from (left + each + rest for left, rest in parts for each in ascii_uppercase)
    yield from (left + each + rest[1:] for left, rest in parts if rest for each in ascii_uppercase)


@cache
def _accepted(pattern: str) -> frozenset[str]:
    squeezed = _squeezed(pattern)
    known = _KNOWN.get(squeezed, pattern.strip().upper())
    return frozenset({*_SENT_AS.get(squeezed, (known,))})


def _squeezed(pattern: str) -> str:
    """Methods and commands differ in how they part words: client_list, CLIENT|LIST."""
    return pattern.upper().translate(_NO_SEPARATORS)


def _flagged(flag: str) -> frozenset[str]:
    return frozenset(
        name for _, flags, names in GROUPS if flag in flags.split() for name in _spaced(names)
    )


def _spaced(names: str) -> list[str]:
    return [name.replace("|", " ") for name in names.split()]


_NO_SEPARATORS = str.maketrans("", "", " |_-.\t\n")
_KEYS = {name: place for place, _, names in GROUPS for name in _spaced(names)}
_CONTAINERS = frozenset(name.partition(" ")[0].encode() for name in _KEYS if " " in name)
_PLAIN = {
    spelled: name
    for name in _KEYS
    if " " not in name and name.encode() not in _CONTAINERS
    for spelled in (name.encode(), name.lower().encode())
}
_WRITE = _flagged("write")
_SCRIPT = _flagged("script")
_DENYOOM = _flagged("denyoom")
_LOADING = _flagged("loading")
_BUSY = _flagged("busy")
_NOAUTH = _flagged("noauth")
_BLOCKING = _flagged("blocking")
_SENT_AS = {_squeezed(word): _spaced(names) for word, names in SENT_AS.items()}
_KNOWN = {word: names[0] for word, names in _SENT_AS.items()} | {
    _squeezed(name): name for name in _KEYS
}
