"""COMMAND."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._helpers import SimpleError, SimpleString, casematch, compile_pattern

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.helptexts import help_lines
from pytest_nadia.redis.emulation.keys import keys_of
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.values import SetReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.emulation.commandtable import CommandFacts


class IntrospectionMixin(SocketBase):
    @command("command")
    def command_(self) -> list[Any]:
        return [self._row(facts) for facts in self.state.plans.top_level()]

    @command("command count")
    def command_count(self) -> int:
        return len(self.state.plans.top_level())

    @command("command info", (), (bytes,))
    def command_info(self, *names: bytes) -> list[Any]:
        if not names:
            return self.command_()
        found = [self.state.plans.facts(_name(name)) for name in names]
        return [self._row(facts) if facts else None for facts in found]

    @command("command docs", (), (bytes,))
    def command_docs(self, *_names: bytes) -> dict[bytes, Any]:
        return {}

    @command("command list", (), (bytes,))
    def command_list(self, *options: bytes) -> list[bytes]:
        chosen = _chosen(options)
        return [
            facts.name.replace(" ", "|").encode()
            for facts in self.state.plans.top_level()
            if chosen(facts)
        ]

    @command("command getkeys", (bytes,), (bytes,))
    def command_getkeys(self, *fields: bytes) -> list[bytes]:
        try:
            plan = self.state.plans.find(fields)
        except SimpleError:
            raise SimpleError("ERR Invalid command specified") from None
        if not plan.fits(len(fields)):
            raise SimpleError("ERR Invalid number of arguments specified for command")
        keys = keys_of(plan.facts, fields)
        if keys is None:
            raise SimpleError("ERR The command has no key arguments")
        return keys

    @command("command help")
    def command_help(self) -> list[SimpleString]:
        return help_lines("command")

    def _row(self, facts: CommandFacts) -> list[Any]:
        inner = [self._row(inside) for inside in self.state.plans.inside(facts.name)]
        return [
            facts.name.replace(" ", "|").encode(),
            facts.arity,
            SetReply(SimpleString(flag.encode()) for flag in sorted(facts.flags)),
            facts.first_key,
            facts.last_key,
            facts.step,
            SetReply(SimpleString(b"@" + name.encode()) for name in facts.categories if name),
            SetReply(),
            SetReply(),
            inner,
        ]


def _name(text: bytes) -> str:
    return text.decode("utf-8", "replace").lower().replace("|", " ")


def _chosen(options: tuple[bytes, ...]) -> Callable[[CommandFacts], bool]:
    if not options:
        return lambda _facts: True
    if len(options) != 3 or not casematch(options[0], b"filterby"):
        raise SimpleError("ERR syntax error")
    kind, value = options[1].lower(), options[2]
    if kind == b"pattern":
        matches = compile_pattern(value).match
        return lambda facts: matches(facts.name.encode()) is not None
    if kind == b"aclcat":
        return lambda facts: value.decode().lower() in facts.categories
    if kind == b"module":
        return lambda _facts: False
    raise SimpleError("ERR syntax error")
