"""Which arguments of a command are keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_nadia.redis.emulation.commandtable import CommandFacts

# Where the number of keys stands that follow it, and which fields before it are keys as well.
_COUNTED: dict[str, tuple[int, tuple[int, ...]]] = {
    **dict.fromkeys(("eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"), (2, ())),
    **dict.fromkeys(("zunion", "zinter", "zdiff", "zintercard", "sintercard"), (1, ())),
    **dict.fromkeys(("zunionstore", "zinterstore", "zdiffstore"), (2, (1,))),
    **dict.fromkeys(("lmpop", "zmpop"), (1, ())),
    **dict.fromkeys(("blmpop", "bzmpop"), (2, ())),
}
_AFTER_STREAMS = frozenset({"xread", "xreadgroup"})


def keys_of(facts: CommandFacts, fields: Sequence[bytes]) -> list[bytes] | None:
    """The keys among the fields of a whole command; None if it is one that has no keys."""
    if facts.name in _COUNTED:
        return _counted(fields, *_COUNTED[facts.name])
    if facts.name in _AFTER_STREAMS:
        return _after_streams(fields)
    if not facts.first_key:
        return None
    last = facts.last_key if facts.last_key >= 0 else len(fields) + facts.last_key
    return list(fields[facts.first_key : last + 1 : facts.step])


def _counted(fields: Sequence[bytes], at: int, others: tuple[int, ...]) -> list[bytes]:
    count = int(fields[at]) if fields[at].isdigit() else 0
    return [*(fields[other] for other in others), *fields[at + 1 : at + 1 + count]]


def _after_streams(fields: Sequence[bytes]) -> list[bytes]:
    words = [field.lower() for field in fields]
    rest = fields[words.index(b"streams") + 1 :] if b"streams" in words else []
    return list(rest[: len(rest) // 2])
