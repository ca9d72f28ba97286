"""Whether a command ran, by the beginning of its reply: a server counts only those that did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_nadia.redis.wire import Outcome

# The first words of replies to commands that did not run at all.
_REJECTIONS = frozenset(
    b"NOAUTH NOPERM OOM LOADING BUSY READONLY MASTERDOWN MISCONF NOREPLICAS "
    b"MOVED ASK CLUSTERDOWN".split()
)
# A script that runs may end with any error; these come before it.
_REJECTIONS_OF_SCRIPTS = frozenset(b"NOAUTH NOPERM LOADING BUSY MASTERDOWN".split())
_WRONG_ARITY = b"-ERR wrong number of arguments"
_REJECTING_TEXTS = (
    b"-ERR unknown command",
    b"-ERR unknown subcommand",
    b"-ERR Command not allowed inside a transaction",
    b"-ERR Protocol error",
    b"-ERR nadia:",
)
_NOT_WHILE_SUBSCRIBED = b"allowed in this context"
_SCRIPTS = frozenset(("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"))
_LOGINS = frozenset(("AUTH", "HELLO"))
# With at least so many fields these run, and find only then that their arguments are no pairs.
_COUNT_THEIR_PAIRS = {"HSET": 4, "HMSET": 4, "MSET": 3, "MSETNX": 3, "XADD": 5}


def outcome_of(name: str, fields: int, reply: bytes) -> Outcome:
    """What a reply says of a command with so many fields, its name included."""
    if not reply:
        return "unanswered"
    if reply.startswith(b"+QUEUED\r"):
        return "queued"
    if reply[:1] not in b"-!":
        return "ok"
    text = b"-" + reply.partition(b"\n")[2] if reply[:1] == b"!" else reply
    return "rejected" if _is_rejection(name, fields, text) else "error"


def _is_rejection(name: str, fields: int, text: bytes) -> bool:
    if text.startswith(_WRONG_ARITY):
        return _is_of_arity(name, fields, text)
    code = text[1:].partition(b" ")[0].strip()
    if name in _SCRIPTS:
        return code in _REJECTIONS_OF_SCRIPTS
    if name in _LOGINS:
        return False
    if code == b"EXECABORT":
        return b"because of:" in text
    return code in _REJECTIONS or text.startswith(_REJECTING_TEXTS) or _NOT_WHILE_SUBSCRIBED in text


def _is_of_arity(name: str, fields: int, text: bytes) -> bool:
    if name in _SCRIPTS:
        return b"'%s'" % name.lower().encode() in text
    return fields < _COUNT_THEIR_PAIRS.get(name, fields + 1)
