"""EVAL and its kin."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int
from fakeredis._helpers import OK, SimpleError

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.luaruntime import LuaRuntime, ScriptError, as_argument
from pytest_nadia.redis.emulation.luavalues import to_lua
from pytest_nadia.redis.emulation.memorylimit import OOM, make_room
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from fakeredis._helpers import SimpleString

    from pytest_nadia.redis.emulation.plans import Plan

_UNKNOWN = "ERR Unknown Redis command called from script"
_ARITY = "ERR Wrong number of args calling Redis command from script"
_FORBIDDEN = "ERR This Redis command is not allowed from script"
_READ_ONLY = "ERR Write commands are not allowed from read-only scripts."
_NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL."


class ScriptingMixin(SocketBase):
    # Whether the script that runs may only read.
    _reads_only: bool = False
    # A script that has written is not stopped half-way because memory is short.
    _may_exceed_memory: bool = False

    @command("eval", (bytes, bytes), (bytes,), msgs.FLAG_NO_SCRIPT)
    def eval(self, script: bytes, count: bytes, *rest: bytes) -> Any:
        return self._run_script(script, count, rest)

    @command("eval_ro", (bytes, bytes), (bytes,), msgs.FLAG_NO_SCRIPT)
    def eval_ro(self, script: bytes, count: bytes, *rest: bytes) -> Any:
        return self._run_script(script, count, rest, reads_only=True)

    @command("evalsha", (bytes, bytes), (bytes,), msgs.FLAG_NO_SCRIPT)
    def evalsha(self, digest: bytes, count: bytes, *rest: bytes) -> Any:
        _check_counts(count, rest)
        return self._run_script(self._cached(digest), count, rest)

    @command("evalsha_ro", (bytes, bytes), (bytes,), msgs.FLAG_NO_SCRIPT)
    def evalsha_ro(self, digest: bytes, count: bytes, *rest: bytes) -> Any:
        _check_counts(count, rest)
        return self._run_script(self._cached(digest), count, rest, reads_only=True)

    def _cached(self, digest: bytes) -> bytes:
        script = self._server.script_cache.get(digest.lower())
        if script is None:
            raise SimpleError(_NO_SCRIPT)
        return script

    @command("script load", (bytes,), (), msgs.FLAG_NO_SCRIPT)
    def script_load(self, script: bytes) -> bytes:
        digest = _digest(script)
        try:
            self._runtime().compile(digest, script)
        except ScriptError as error:
            raise SimpleError(error.text) from None
        self._server.script_cache[digest] = script
        return digest

    @command("script exists", (bytes,), (bytes,), msgs.FLAG_NO_SCRIPT)
    def script_exists(self, *digests: bytes) -> list[int]:
        return [int(digest.lower() in self._server.script_cache) for digest in digests]

    @command("script flush", (), (bytes,), msgs.FLAG_NO_SCRIPT)
    def script_flush(self, *modes: bytes) -> SimpleString:
        if len(modes) > 1 or (modes and modes[0].lower() not in {b"sync", b"async"}):
            raise SimpleError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
        self._server.script_cache.clear()
        return OK

    @command("script kill", (), (), msgs.FLAG_NO_SCRIPT)
    def script_kill(self) -> SimpleString:
        raise SimpleError("NOTBUSY No scripts in execution right now.")

    def _runtime(self) -> LuaRuntime:
        if self.state.lua is None:
            self.state.lua = LuaRuntime()
        return self.state.lua

    def _run_script(
        self, script: bytes, count: bytes, rest: tuple[bytes, ...], reads_only: bool = False
    ) -> Any:
        number = _check_counts(count, rest)
        digest = _digest(script)
        self._check_declared_flags(script)
        runtime = self._runtime()
        keeps = self._db, self._db_num, self._in_transaction
        self._reads_only, self._script_resp, self._in_transaction = reads_only, 2, True
        self._may_exceed_memory = b"allow-oom" in _declared_flags(script)
        runtime.call, runtime.set_protocol = self._call_from_script, self._set_script_protocol
        try:
            reply = runtime.run(digest, script, rest[:number], rest[number:])
        except ScriptError as error:
            reply = SimpleError(error.text)
            reply.counted = error.counted  # type: ignore[attr-defined]
        finally:
            self._db, self._db_num, self._in_transaction = keeps
            self._script_resp = None
        if not (isinstance(reply, SimpleError) and "Error compiling script" in reply.value):
            self._server.script_cache[digest] = script
        if isinstance(reply, SimpleError):
            raise reply
        return reply

    def _set_script_protocol(self, version: int) -> None:
        self._script_resp = version

    def _check_declared_flags(self, script: bytes) -> None:
        """A script that declares its flags is refused at once when memory is short."""
        declared = _declared_flags(script)
        if not declared or not self.state.settings.max_memory:
            return
        if b"allow-oom" in declared or b"no-writes" in declared:
            return
        if not make_room(self.state):
            raise SimpleError(OOM)

    def _call_from_script(self, fields: list[bytes]) -> Any:
        plan: Plan | None = None
        try:
            plan = self._plan_for_script(fields)
            self._check_in_script(plan, fields)
        except SimpleError as error:
            if plan is not None:
                plan.tally.rejected += 1
            self.state.statistics.count_error(error.value)
            raise
        return self._call(plan, fields[plan.first_argument :], True)

    def _fcall(self, *arguments: Any, **options: Any) -> Any:
        self._may_exceed_memory = False
        return super()._fcall(*arguments, **options)

    def _function_redis_call(self, lua_runtime: Any, read_only: bool, *args: Any) -> Any:
        """What a function of FUNCTION LOAD calls; otherwise functions are fakeredis' own."""
        if not args:
            raise SimpleError(msgs.LUA_CALL_NO_ARGS_MSG)
        may_wait, self._in_transaction = self._in_transaction, True
        self._reads_only = read_only
        try:
            reply = self._call_from_script([as_argument(argument) for argument in args])
        finally:
            self._in_transaction = may_wait
        if isinstance(reply, SimpleError):
            raise reply
        return to_lua(lua_runtime, reply)

    def _plan_for_script(self, fields: list[bytes]) -> Plan:
        try:
            return self.state.plans.find(fields)
        except SimpleError:
            raise SimpleError(_UNKNOWN) from None

    def _check_in_script(self, plan: Plan, fields: list[bytes]) -> None:
        if not plan.fits(len(fields)) or plan.signature is None:
            raise SimpleError(_ARITY)
        if plan.not_in_scripts:
            raise SimpleError(_FORBIDDEN)
        if plan.writes and self._reads_only:
            raise SimpleError(_READ_ONLY)
        self._server.acl.validate_command(self._client_info.user, self._client_info, fields)
        may_exceed = self._may_exceed_memory or not self.state.settings.max_memory
        if plan.denied_on_oom and not may_exceed and not make_room(self.state):
            raise SimpleError(OOM)
        self._may_exceed_memory |= plan.writes


def _declared_flags(script: bytes) -> bytes:
    return script.partition(b"\n")[0] if script.startswith(b"#!lua") else b""


def _digest(script: bytes) -> bytes:
    return hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()


def _check_counts(count: bytes, rest: tuple[bytes, ...]) -> int:
    number = Int.decode(count)
    if number > len(rest):
        raise SimpleError(msgs.TOO_MANY_KEYS_MSG)
    if number < 0:
        raise SimpleError(msgs.NEGATIVE_KEYS_MSG)
    return number
