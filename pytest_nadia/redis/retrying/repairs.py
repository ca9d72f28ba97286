"""What usually makes a command safe to send twice."""

from __future__ import annotations

TAKING = frozenset(
    {
        *("LPOP", "RPOP", "BLPOP", "BRPOP", "LMPOP", "BLMPOP"),
        *("SPOP", "ZPOPMIN", "ZPOPMAX", "BZPOPMIN", "BZPOPMAX", "ZMPOP", "BZMPOP"),
        *("GETDEL", "HGETDEL", "GETSET", "XREADGROUP"),
    }
)

_NO_RETRY = "or no retry for this client: Redis(..., retry=Retry(NoBackoff(), 0))"
_SCRIPT = "a Lua script that does nothing if SET token 1 NX EX 3600 finds the token already there"
_REPAIRS: dict[str, tuple[str, ...]] = {
    f"count in {_SCRIPT}, or SET the computed value": (
        *("INCR", "INCRBY", "INCRBYFLOAT", "DECR", "DECRBY", "HINCRBY", "HINCRBYFLOAT"),
        *("ZINCRBY", "APPEND"),
    ),
    "SET with a token of the caller's own, and GET it to see whether the first try worked": (
        *("SET", "SETNX"),
    ),
    f"push in {_SCRIPT}, or keep the items by id with HSET or SADD": (
        *("RPUSH", "LPUSH", "RPUSHX", "LPUSHX", "LINSERT"),
    ),
    f"add the entry in {_SCRIPT}, or under an id that the sender chose": ("XADD",),
    "LMOVE to a processing list, and LREM when the item is done": (
        *("LPOP", "RPOP", "BLPOP", "BRPOP", "LMPOP", "BLMPOP"),
    ),
    f"move in {_SCRIPT}": ("LMOVE", "RPOPLPUSH", "BLMOVE", "BRPOPLPUSH"),
    "read first and delete when it is done, as two commands": ("GETDEL", "HGETDEL", "GETSET"),
    "read the consumer's own pending entries (id 0) before new ones, and XACK each": (
        "XREADGROUP",
    ),
    "move the member to a processing set in a Lua script, and remove it when it is done": (
        *("SPOP", "ZPOPMIN", "ZPOPMAX", "BZPOPMIN", "BZPOPMAX", "ZMPOP", "BZMPOP"),
    ),
    "let the script do nothing if SET token 1 NX EX 3600 finds the token already there": (
        *("EVAL", "EVALSHA", "FCALL"),
    ),
    f"replace the transaction by {_SCRIPT}": ("EXEC",),
}
_REPAIR_OF = {name: repair for repair, names in _REPAIRS.items() for name in names}


SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})
# Commands that stand in for each other when one of them failed.
_ALIKE = (
    SCRIPTS,
    frozenset({"INCR", "INCRBY", "INCRBYFLOAT"}),
    frozenset({"DECR", "DECRBY"}),
    frozenset({"HINCRBY", "HINCRBYFLOAT"}),
    frozenset({"RPUSH", "LPUSH", "RPUSHX", "LPUSHX"}),
    frozenset({"LPOP", "RPOP", "BLPOP", "BRPOP", "LMPOP", "BLMPOP"}),
    frozenset({"LMOVE", "RPOPLPUSH", "BLMOVE", "BRPOPLPUSH"}),
    frozenset({"ZPOPMIN", "ZPOPMAX", "BZPOPMIN", "BZPOPMAX", "ZMPOP", "BZMPOP"}),
)


def alike(name: str) -> frozenset[str]:
    """The command, and those that do the same to the same key."""
    return next((names for names in _ALIKE if name in names), frozenset({name}))


def repair_of(name: str) -> str:
    return f"{_REPAIR_OF.get(name, f'use {_SCRIPT}')}; {_NO_RETRY}"
