"""The interpreter of a server's scripts, in which a script can reach nothing but its data."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fakeredis._helpers import SimpleError
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE

from pytest_nadia.redis.emulation.luavalues import (
    NULL,
    from_lua,
    json_decode,
    json_encode,
    one_line,
    to_lua,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BAD_ARGUMENT = "ERR Lua redis lib command arguments must be strings or integers"
_NO_ARGUMENT = "ERR Please specify at least one argument for this redis lib call"
_OLD_SCRIPTS = 500


@cache
def _prelude() -> bytes:
    return files(__package__).joinpath("data/prelude.lua").read_bytes()


class ScriptError(Exception):
    """A script failed. `counted` tells that the command which failed in it was counted already."""

    def __init__(self, text: str, counted: bool) -> None:
        super().__init__(text)
        self.text = text
        self.counted = counted


class LuaRuntime:
    """Compiles scripts, and runs them for one client at a time.

    `call` is set while a script runs: it runs a command and gives its reply, errors included.
    """

    def __init__(self) -> None:
        self.call: Callable[[list[bytes]], Any] = lambda _fields: None
        self.set_protocol: Callable[[int], None] = lambda _version: None
        self._lua = LUA_MODULE.LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
        )
        self._scripts: dict[bytes, Any] = {}
        start = self._lua.compile(_prelude())
        self._load, self._run = start(
            self._called,
            self._called_protected,
            lambda error: error.value.encode("utf-8", "surrogateescape"),
            self._encode,
            self._decode,
            NULL,
            lambda text: hashlib.sha1(text, usedforsecurity=False).hexdigest().encode(),
            lambda version: self.set_protocol(int(version)),
        )

    def compile(self, digest: bytes, script: bytes) -> Any:
        """The script as a function. Raises `ScriptError` if it is no Lua."""
        if digest in self._scripts:
            return self._scripts[digest]
        body = script
        if script.startswith(b"#!"):
            body = b"\n" + script.partition(b"\n")[2]
        loaded, problem = self._load(body)
        if loaded is None:
            text = one_line(problem)
            raise ScriptError(f"ERR Error compiling script (new function): {text}", False)
        if len(self._scripts) >= _OLD_SCRIPTS:
            self._scripts.clear()
        self._scripts[digest] = loaded
        return loaded

    def run(
        self, digest: bytes, script: bytes, keys: Sequence[bytes], arguments: Sequence[bytes]
    ) -> Any:
        """Run a script; gives its reply. Raises `ScriptError`."""
        function = self.compile(digest, script)
        tables = self._lua.table_from(keys), self._lua.table_from(arguments)
        outcome = self._run(function, *tables)
        fine, value = outcome[:2] if isinstance(outcome, tuple) else (outcome, None)
        if fine:
            return from_lua(value)
        where = f"script: {digest.decode()}, on @user_script:{int(value[b'line'])}."
        raise ScriptError(f"{one_line(value[b'err'])} {where}", bool(value[b"counted"]))

    def _called(self, *arguments: Any) -> Any:
        fields = [as_argument(argument) for argument in arguments]
        if not fields:
            raise SimpleError(_NO_ARGUMENT)
        reply = self.call(fields)
        if isinstance(reply, SimpleError):
            raise reply
        return to_lua(self._lua, reply)

    def _called_protected(self, *arguments: Any) -> Any:
        try:
            return self._called(*arguments)
        except SimpleError as error:
            text = error.value.encode("utf-8", "surrogateescape")
            return self._lua.table_from({b"err": text, b"counted": True})

    def _encode(self, value: Any) -> tuple[bool, bytes]:
        try:
            return True, json_encode(value)
        except (TypeError, ValueError) as error:
            return False, f"Cannot serialise this value: {error}".encode()

    def _decode(self, text: Any) -> tuple[bool, Any]:
        try:
            return True, json_decode(self._lua, text)
        except (TypeError, ValueError) as error:
            return False, f"Expected value but found invalid token: {error}".encode()


def as_argument(value: Any) -> bytes:
    """A value of Lua as the argument of a command. Raises `SimpleError`."""
    if type(value) is bytes:
        return value
    if type(value) in {int, float}:
        return b"%.17g" % value
    raise SimpleError(_BAD_ARGUMENT)
