"""Finds the command that a client means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakeredis._helpers import SimpleError

from pytest_nadia.redis.emulation.commandtable import CommandFacts, all_facts
from pytest_nadia.redis.emulation.registry import signature_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fakeredis._commands import Signature

    from pytest_nadia.redis.emulation.statistics import Statistics, Tally

_LONGEST_NAME = 128


class Plan:
    """One command: what is known of it, how it is called, and how often it was."""

    __slots__ = (
        "accepted_by_subscribers",
        "arity",
        "denied_on_oom",
        "facts",
        "first_argument",
        "minimum",
        "name",
        "needs_no_password",
        "not_in_scripts",
        "reads",
        "signature",
        "tally",
        "writes",
    )

    def __init__(self, facts: CommandFacts, signature: Signature | None, tally: Tally) -> None:
        self.facts = facts
        self.name = facts.name
        self.signature = signature
        self.tally = tally
        self.arity = facts.arity
        self.minimum = abs(facts.arity)
        self.first_argument = 2 if " " in facts.name else 1
        self.denied_on_oom = "denyoom" in facts.flags
        self.needs_no_password = "no_auth" in facts.flags  # pragma: allowlist secret
        self.not_in_scripts = "noscript" in facts.flags
        self.writes = "write" in facts.flags
        self.reads = "readonly" in facts.flags
        self.accepted_by_subscribers = self.name in _FOR_SUBSCRIBERS

    def fits(self, count: int) -> bool:
        """Whether `count` fields, the name among them, are as many as the command takes."""
        return count == self.arity if self.arity > 0 else count >= self.minimum


_FOR_SUBSCRIBERS = frozenset(
    {"subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"}
    | {"ping", "quit", "reset"}
)


# Commands that are younger than Redis 7.0, and the version that brought them.
_SINCE: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("client setinfo", "client no-touch"), (7, 2)),
    **dict.fromkeys(
        (f"h{prefix}expire{suffix}" for prefix in ("", "p") for suffix in ("", "at", "time")),
        (7, 4),
    ),
    **dict.fromkeys(("httl", "hpttl", "hpersist"), (7, 4)),
    **dict.fromkeys(("hgetdel", "hgetex", "hsetex"), (8, 0)),
    **dict.fromkeys(("xdelex", "xackdel"), (8, 2)),
    **dict.fromkeys(("delex", "digest", "msetex"), (8, 4)),
}


def _exists(name: str, version: tuple[int, ...]) -> bool:
    return version >= _SINCE.get(name, ())


class Plans:
    """All commands of a server."""

    def __init__(self, statistics: Statistics, version: tuple[int, ...]) -> None:
        self._statistics = statistics
        self._by_name: dict[str, Plan] = {}
        self._by_word: dict[bytes, Plan] = {}
        self._facts = {name: facts for name, facts in all_facts().items() if _exists(name, version)}
        self._containers = {name.partition(" ")[0] for name in self._facts if " " in name}

    def find(self, fields: Sequence[bytes]) -> Plan:
        """The command that these fields call. Raises `SimpleError` if there is none."""
        plan = self._by_word.get(fields[0])
        if plan is not None:
            return plan
        word = fields[0].decode("utf-8", "replace").lower()
        if word in self._containers and len(fields) > 1:
            return self._find_in(word, fields[1])
        plan = self._plan(word)
        if plan is None:
            raise SimpleError(_unknown_command(fields))
        if word not in self._containers and len(self._by_word) < 2000:
            self._by_word[fields[0]] = plan
        return plan

    def _find_in(self, container: str, word: bytes) -> Plan:
        name = word.decode("utf-8", "replace")
        plan = self._plan(f"{container} {name.lower()}")
        if plan is None:
            text = f"ERR unknown subcommand '{name[:_LONGEST_NAME]}'. Try {container.upper()} HELP."
            raise SimpleError(text)
        return plan

    def facts(self, name: str) -> CommandFacts | None:
        return self._facts.get(name)

    def top_level(self) -> list[CommandFacts]:
        """All commands but the sub-commands."""
        return [facts for name, facts in self._facts.items() if " " not in name]

    def inside(self, container: str) -> list[CommandFacts]:
        """The sub-commands of a command."""
        return [facts for name, facts in self._facts.items() if name.startswith(f"{container} ")]

    def named(self, name: str) -> Plan | None:
        """The command of this name (lower case), or None."""
        return self._plan(name)

    def _plan(self, name: str) -> Plan | None:
        known = self._by_name.get(name)
        facts = self._facts.get(name)
        if known is not None or facts is None:
            return known
        tally = self._statistics.tally(name.replace(" ", "|"))
        plan = self._by_name[name] = Plan(facts, signature_of(name), tally)
        return plan


def _unknown_command(fields: Sequence[bytes]) -> str:
    name = _printable(fields[0], _LONGEST_NAME)
    shown = ""
    for field in fields[1:]:
        room = _LONGEST_NAME - len(shown)
        if room <= 0:
            break
        shown += f"'{_printable(field, room)}' "
    return f"ERR unknown command '{name}', with args beginning with: {shown}"


def _printable(field: bytes, room: int) -> str:
    # The server, being written in C, stops at a zero.
    return field[:room].partition(b"\0")[0].decode("utf-8", "surrogateescape")
