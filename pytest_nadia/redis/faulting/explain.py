"""Says why a fault hit nothing: what it waited for, what came instead, and what may be meant."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING

from pytest_nadia.redis import commands
from pytest_nadia.redis.budget import folded_names, shown_key
from pytest_nadia.redis.info_fields import section_of
from pytest_nadia.redis.words import times

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_nadia.redis.wire import CommandRecord, Rule

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_MOST_KEYS = 3
_SCOPES = {
    "WRONGPASS": "AUTH or HELLO",
    "NOSCRIPT": "EVALSHA",
    **dict.fromkeys(("READONLY", "OOM", "MISCONF", "NOREPLICAS"), "a write"),
    **dict.fromkeys(("MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN"), "a command with a key"),
}


def why_unfired(
    rule: Rule, seen: dict[str, int], records: Sequence[CommandRecord], url: str
) -> str:
    """One line. `records` are the commands that came while the rule was on."""
    came = folded_names(Counter(seen)) or "no command"
    hint = _hint(rule, seen, records, url)
    return f"it waited for {_awaited(rule)}, and saw {came}" + (f" ({hint})" if hint else "")


def _awaited(rule: Rule) -> str:
    if rule.action in {"down", "flap"}:
        return "a connection"
    if rule.action == "drop_after":
        return f"more than {rule.size} bytes of replies on one connection"
    if rule.action == "info":
        return f"INFO that shows {' or '.join(_written(rule.fields))}"
    return _ordinal(rule.nth) + _what(rule) + _with_key(rule)


def _written(fields: Collection[str]) -> list[str]:
    """Without the sizes for people that follow another field."""
    return [name for name in fields if name.removesuffix("_human") not in set(fields) - {name}]


def _ordinal(nth: int) -> str:
    return "" if nth == 1 else f"number {nth} of "


def _what(rule: Rule) -> str:
    if rule.on:
        return " or ".join(rule.on)
    if rule.action == "error":
        code = rule.text.partition(" ")[0]
        return _SCOPES.get(code, f"a command that a server answers with {code}")
    return "any command"


def _with_key(rule: Rule) -> str:
    return f" with a key like {shown_key(rule.key)!r}" if rule.key else ""


def _hint(rule: Rule, seen: dict[str, int], records: Sequence[CommandRecord], url: str) -> str:
    if rule.action in {"down", "flap"}:
        return _unseen(rule, url)
    if not seen:
        return f"is the code under test connected to {url}?"
    if rule.action == "info":
        return _other_sections(rule, records)
    hit = [record for record in records if _is_awaited(rule, record.name)]
    if not hit:
        return _relatives(rule.on, seen)
    if rule.key and (keys := _keys(hit)):
        return f"the keys were {keys}"
    return f"it came only {times(len(hit))}" if rule.nth > 1 else ""


def _unseen(rule: Rule, url: str) -> str:
    call = "down(seen=False)" if rule.action == "down" else "flap(..., seen=False)"
    return (
        f"is the code under test connected to {url}? Refused connections of other programs, "
        f"or of clients with sockets of their own, cannot be seen: for those write {call}"
    )


def _other_sections(rule: Rule, records: Sequence[CommandRecord]) -> str:
    asked = [one.arguments for one in records if one.name == "INFO" and not one.handshake]
    if not asked:
        return ""
    given = " ".join(each.decode(errors="replace") for each in asked[0])
    sections = " or ".join(dict.fromkeys(map(section_of, rule.fields)))
    return f"INFO{f' {given}' if given else ''} does not show the section {sections}"


def _is_awaited(rule: Rule, name: str) -> bool:
    return any(commands.matches(one, name) for one in rule.on) if rule.on else bool(rule.key)


def _relatives(on: Sequence[str], seen: dict[str, int]) -> str:
    """Of what came, the command that was most likely meant."""
    for name in on:
        related = [one for one in seen if name in one or one in name]
        related += difflib.get_close_matches(name, seen, n=1, cutoff=0.7)
        if related:
            return f"on={related[0]!r} would have fired"
    return ""


def _keys(records: Sequence[CommandRecord]) -> str:
    keys = list(dict.fromkeys(shown_key(one.key) for one in records if one.key is not None))
    more = ", ..." if len(keys) > _MOST_KEYS else ""
    return ", ".join(map(repr, keys[:_MOST_KEYS])) + more
