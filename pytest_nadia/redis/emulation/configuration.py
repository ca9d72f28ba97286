"""CONFIG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakeredis._helpers import OK, SimpleError, compile_pattern

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.helptexts import help_lines
from pytest_nadia.redis.emulation.parameters import (
    ParameterError,
    canonical,
    is_immutable,
    normalize,
)
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from fakeredis._helpers import SimpleString

_GLOB = frozenset(b"*?[")
_PROTECTED = frozenset({"dir", "dbfilename"})


class ConfigurationMixin(SocketBase):
    @command("config get", (bytes,), (bytes,))
    def config_get(self, *patterns: bytes) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for pattern in patterns:
            found.update(self._matching(pattern))
        return found

    def _matching(self, pattern: bytes) -> dict[bytes, bytes]:
        values = self._parameters()
        if not _GLOB & frozenset(pattern):
            name = pattern.lower()
            return {pattern: values[name]} if name in values else {}
        matches = compile_pattern(pattern.lower()).match
        return {name: value for name, value in values.items() if matches(name)}

    def _parameters(self) -> dict[bytes, bytes]:
        own = {"port": str(self.state.port), "unixsocket": self.state.socket_path}
        values = self.state.parameters | own
        return {
            name.encode(): value.encode("utf-8", "surrogateescape")
            for name, value in values.items()
        }

    @command("config set", (bytes, bytes), (bytes,))
    def config_set(self, *arguments: bytes) -> SimpleString:
        if len(arguments) % 2:
            raise SimpleError("ERR wrong number of arguments for 'config|set' command")
        changes: dict[str, str] = {}
        for name, value in zip(arguments[::2], arguments[1::2], strict=True):
            self._check_parameter(_text(name), _text(value), changes)
        self.state.set_parameters(changes)
        return OK

    def _check_parameter(self, name: str, value: str, changes: dict[str, str]) -> None:
        known = canonical(name.lower())
        if known not in self.state.parameters:
            raise SimpleError(
                f"ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
            )
        try:
            if known in changes:
                raise ParameterError("duplicate parameter")
            if is_immutable(known):
                raise ParameterError("can't set immutable config")
            if known in _PROTECTED:
                raise ParameterError("can't set protected config")
            changes[known] = normalize(known, value)
        except ParameterError as error:
            text = f"ERR CONFIG SET failed (possibly related to argument '{name}') - {error}"
            raise SimpleError(text) from None

    @command("config resetstat")
    def config_resetstat(self) -> SimpleString:
        self.state.statistics.clear()
        return OK

    @command("config rewrite")
    def config_rewrite(self) -> SimpleString:
        raise SimpleError("ERR The server is running without a config file")

    @command("config help")
    def config_help(self) -> list[SimpleString]:
        return help_lines("config")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
