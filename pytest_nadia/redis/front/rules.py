"""The faults that are on, and which command each of them hits."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from pytest_nadia.redis import commands
from pytest_nadia.redis.front.info import shows
from pytest_nadia.redis.wire import RuleState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.front.entry import Entry
    from pytest_nadia.redis.wire import Rule

_SCRIPTS = frozenset(("EVAL", "EVALSHA", "FCALL"))


def _changes_data(name: str) -> bool:
    # What EXEC runs has been refused when it was queued; what it only reads is not.
    return commands.may_write(name) and name != "EXEC"


# What a real server's error spares: the scope of an error that names no command.
_SCOPES: dict[str, Callable[[str], bool]] = {
    "READONLY": _changes_data,
    "MISCONF": lambda name: _changes_data(name) or name == "PING",
    "NOREPLICAS": _changes_data,
    # A script is let in, and fails where it writes; which ones do cannot be seen from here.
    "OOM": lambda name: commands.is_denied_on_oom(name) or name in _SCRIPTS,
    "LOADING": lambda name: not commands.is_allowed_while_loading(name),
    "MASTERDOWN": lambda name: not commands.is_allowed_while_loading(name),
    "BUSY": lambda name: not commands.is_allowed_while_busy(name),
    "NOAUTH": lambda name: name == "HELLO" or not commands.is_allowed_without_auth(name),
    "WRONGPASS": lambda name: name in {"AUTH", "HELLO"},
    "NOSCRIPT": lambda name: name in {"EVALSHA", "EVALSHA_RO"},
}
# A cluster answers with these where a key is, or would be, elsewhere.
_ABOUT_KEYS = frozenset(("MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN", "CROSSSLOT"))


_NOAUTH_OF_HELLO = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol "
    "version at the same time"
)


def is_servers_own(text: str) -> bool:
    """Whether a server refuses commands with this error before it looks at what they do."""
    return text.partition(" ")[0] in _SCOPES


class ActiveRule:
    """A rule while it is on."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.fired = 0
        self._matched = 0
        self._seen: Counter[str] = Counter()
        self._known: dict[str, bool] = {}

    def state(self) -> RuleState:
        return RuleState(self.fired, dict(self._seen))

    def see(self, entry: Entry) -> None:
        if not entry.handshake:
            self._seen[entry.name] += 1

    def hits(self, entry: Entry) -> bool:
        """Whether it is this command's turn; counts the matching ones."""
        if not self._matches(entry):
            return False
        self._matched += 1
        late = self._matched - self.rule.nth
        if late < 0 or (self.rule.times and late >= self.rule.times):
            return False
        self.fired += 1
        return True

    def _matches(self, entry: Entry) -> bool:
        name = entry.name
        if name not in self._known:
            self._known[name] = self._concerns(name)
        if not self._known[name]:
            return False
        if entry.handshake and not self.rule.on and self._spares_handshakes:
            return False
        if name == "HELLO" and self._code == "NOAUTH" and _logs_in(entry):
            return False
        if self.rule.action == "info" and not shows(self.rule.fields, entry.fields[1:]):
            return False
        if self._code in _ABOUT_KEYS and not self.rule.on and entry.key is None:
            return False
        return not self.rule.key or _fits(self.rule.key, entry.key)

    def _concerns(self, name: str) -> bool:
        if self.rule.on:
            return any(commands.matches(pattern, name) for pattern in self.rule.on)
        if self.rule.writes:
            return commands.may_write(name)
        if self.rule.action == "error":
            scope = _SCOPES.get(self._code)
            return scope is None or scope(name)
        return self.rule.action != "info" or name == "INFO"

    @property
    def _code(self) -> str:
        return self.rule.text.partition(" ")[0]

    @property
    def _spares_handshakes(self) -> bool:
        """Of what they send on their own libraries ignore errors: one such would be wasted."""
        if self._code in {"NOAUTH", "WRONGPASS"}:
            return False
        is_limited = self.rule.times > 0 or self.rule.nth > 1
        is_cut = self.rule.action in {"lose_reply", "cut_reply"}
        return is_cut or is_limited or not is_servers_own(self.rule.text)

    def rule_for(self, entry: Entry) -> Rule:
        """The rule as this command meets it."""
        if entry.name == "HELLO" and self.rule.text.startswith("NOAUTH Auth"):
            return msgspec.structs.replace(self.rule, text=_NOAUTH_OF_HELLO)
        return self.rule


def _logs_in(entry: Entry) -> bool:
    return any(field.upper() == b"AUTH" for field in entry.fields[1:])


def _fits(pattern: bytes, key: bytes | None) -> bool:
    return key is not None and fnmatchcase(key.decode("latin-1"), pattern.decode("latin-1"))


class Rules:
    """All rules that are on, in the order in which they came."""

    def __init__(self) -> None:
        self._active: dict[int, ActiveRule] = {}
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._active)

    def __getitem__(self, number: int) -> ActiveRule:
        return self._active[number]

    def add(self, rule: Rule) -> ActiveRule:
        self._last += 1
        self._active[self._last] = ActiveRule(self._last, rule)
        return self._active[self._last]

    def remove(self, number: int) -> ActiveRule:
        return self._active.pop(number)

    def numbers(self) -> list[int]:
        return list(self._active)

    def first(self, *actions: str) -> ActiveRule | None:
        """The oldest rule with one of these actions."""
        return next((one for one in self._active.values() if one.rule.action in actions), None)

    def see(self, entry: Entry) -> None:
        for one in self._active.values():
            one.see(entry)

    def hit(self, entry: Entry, *actions: str) -> Rule | None:
        """The first rule of these actions whose turn this command is."""
        for one in self._active.values():
            if one.rule.action in actions and one.hits(entry):
                return one.rule_for(entry)
        return None
