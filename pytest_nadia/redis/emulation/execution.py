"""How a command is accepted, queued, run and counted: Redis' processCommand and call."""

from __future__ import annotations

import sys
import time
import traceback
from types import NoneType
from typing import TYPE_CHECKING, Any

from fakeredis import _msgs as msgs
from fakeredis._core import CommandItem
from fakeredis._helpers import QUEUED, NoResponse, SimpleError, SimpleString

from pytest_nadia.redis.emulation.administration import NO_DEBUG
from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.memorylimit import OOM, make_room
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.texts import in_the_words_of_redis
from pytest_nadia.redis.emulation.values import NULL_ARRAY, to_resp2, to_resp3

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakeredis._commands import Signature

    from pytest_nadia.redis.emulation.plans import Plan

_NOT_QUEUED = frozenset({"exec", "discard", "multi", "watch", "quit", "reset"})
_QUEUE_CONTROL = frozenset({"exec", "discard", "quit", "reset"})
# Commands that answer with an array, whose absence RESP2 writes in its own way.
_NULL_ARRAYS = frozenset(
    {"blpop", "brpop", "bzpopmin", "bzpopmax", "lmpop", "blmpop", "zmpop", "bzmpop", "xread"}
    | {"xreadgroup"}
)
_AS_THEY_ARE = frozenset({bytes, int, NoneType, SimpleString})
_COUNTED_POPS = frozenset({"lpop", "rpop"})
_NO_AUTH = "NOAUTH Authentication required."
_SUBSCRIBED = (
    "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
    "are allowed in this context"
)
_FAILED = (
    "ERR internal error of the embedded Redis in '{}'; run this test on a real server "
    "(--nadia-redis=server)"
)


class ExecutionMixin(SocketBase):
    """Replaces how fakeredis takes a command from its fields to its reply."""

    # What CLIENT LIST tells: the last command, and when it came (seconds since the epoch).
    _last_command: str | None = None
    _last_time: float = 0.0

    def _process_command(self, fields: list[bytes]) -> None:
        if not fields:
            return
        try:
            result = self._accept(fields)
        except SimpleError as error:
            self.state.statistics.count_error(error.value)
            result = error
        suppressed = self._reply_off or self._reply_skip
        self._reply_skip, self._reply_skip_next = self._reply_skip_next, False
        if not suppressed and not isinstance(result, NoResponse):
            self.put_response(result)

    def _accept(self, fields: list[bytes]) -> Any:
        """Run or queue a command. Raises `SimpleError` for one that is not accepted."""
        self._prepare()
        plan: Plan | None = None
        try:
            plan = self.state.plans.find(fields)
            self._check(plan, fields)
        except SimpleError as error:
            self._refuse(plan, error)
            raise
        arguments = fields[plan.first_argument :]
        if self._transaction is not None and plan.name not in _NOT_QUEUED:
            self._transaction.append((plan, arguments))
            return QUEUED
        self._last_command, self._last_time = plan.facts.name.replace(" ", "|"), self._db.time
        return self._call(plan, arguments, False)

    def _prepare(self) -> None:
        server = self._server
        while server.closed_sockets:
            if socket := server.closed_sockets.pop()():
                socket._cleanup(server)
        now = time.time()
        for database in server.dbs.values():
            database.time = now

    def _check(self, plan: Plan, fields: list[bytes]) -> None:
        if not plan.fits(len(fields)) or plan.signature is None:
            raise SimpleError(msgs.WRONG_ARGS_MSG6.format(plan.name.replace(" ", "|")))
        if self._locked_out() and not plan.needs_no_password:
            raise SimpleError(_NO_AUTH)
        self._server.acl.validate_command(self._client_info.user, self._client_info, fields)
        if self.state.settings.max_memory:
            self._check_memory(plan)
        if plan.name == "debug":
            raise SimpleError(NO_DEBUG)
        if self._pubsub and not plan.accepted_by_subscribers and self._resp_version == 2:
            raise SimpleError(_SUBSCRIBED.format(plan.name))
        if self._transaction is not None and "no_multi" in plan.facts.flags:
            raise SimpleError("ERR Command not allowed inside a transaction")

    def _check_memory(self, plan: Plan) -> None:
        fits = make_room(self.state)
        queue = self._transaction
        if fits:
            return
        denied = plan.denied_on_oom or (queue is not None and plan.name not in _QUEUE_CONTROL)
        if plan.name == "exec" and queue:
            denied = any(queued.denied_on_oom for queued, _ in queue)
        if denied:
            raise SimpleError(OOM)

    def _refuse(self, plan: Plan | None, error: SimpleError) -> None:
        if plan is not None:
            plan.tally.rejected += 1
        if self._transaction is None:
            return
        self._transaction_failed = True
        if plan is not None and plan.name == "exec":
            self._forget_transaction()
            self._clear_watches()
            error.value = f"EXECABORT Transaction discarded because of: {error.value}"

    def _call(self, plan: Plan, arguments: list[bytes], from_script: bool) -> Any:
        """Run an accepted command, count it and time it; gives its reply, errors included."""
        signature, tally = plan.signature, plan.tally
        if signature is None:
            raise SimpleError(msgs.WRONG_ARGS_MSG6.format(plan.name))
        statistics = self.state.statistics
        started = time.perf_counter()
        function = getattr(self, signature.func_name)
        result = self._run_command(function, signature, arguments, from_script)
        seconds = time.perf_counter() - started
        tally.calls += 1
        tally.seconds += seconds
        if type(result) is SimpleError:
            tally.failed += 1
            # What a command in a script got wrong was counted when that command ended.
            if not getattr(result, "counted", False):
                statistics.count_error(result.value)
        if seconds >= self.state.settings.slow_seconds and not from_script:
            self._log_slow(plan, arguments, seconds)
        return result

    def _log_slow(self, plan: Plan, arguments: list[bytes], seconds: float) -> None:
        if "skip_slowlog" in plan.facts.flags:
            return
        fields = [*(word.encode() for word in plan.name.split(" ")), *arguments]
        info = self._client_info
        self.state.log_slow(fields, seconds, str(info.get("addr", "")), str(info.get("name", "")))

    def _run_command(
        self,
        func: Callable[..., Any] | None,
        sig: Signature,
        args: list[Any],
        from_script: bool,
    ) -> Any:
        items: list[CommandItem] = []
        self._subkey_events = []
        try:
            result = self._invoke(func, sig, args, items)
        except SimpleError as error:
            if not getattr(error, "counted", False) and not self._is_script(sig.name):
                error.value = in_the_words_of_redis(error.value, sig.name)
            result = error
        except Exception:
            traceback.print_exc(file=sys.stderr)
            result = SimpleError(_FAILED.format(sig.name))
        if result is None and (
            sig.name in _NULL_ARRAYS or (sig.name in _COUNTED_POPS and args[1:])
        ):
            result = NULL_ARRAY
        for item in items:
            item.writeback(remove_empty_val=msgs.FLAG_LEAVE_EMPTY_VAL not in sig.flags)
        if self._server.subscribers or self._server.psubscribers:
            self._keyspace_notifications(items, sig.name.encode())
        if self.state.version >= (8, 8):
            self._subkey_notifications(items)
        return result

    def _invoke(
        self,
        func: Callable[..., Any] | None,
        sig: Signature,
        args: list[Any],
        items: list[CommandItem],
    ) -> Any:
        """Call a command's method; `items` receives the keys that it opened."""
        applied = sig.apply(args, self._db, self.version)
        if len(applied) == 1:
            return applied[0]
        arguments, opened = applied
        items.extend(opened)
        self._count_lookups(sig.name, items)
        return self._shape(func(*arguments) if func else None)

    @staticmethod
    def _is_script(name: str) -> bool:
        return name.startswith(("eval", "fcall"))

    def _note_change(self, key: bytes) -> None:
        """Tell those who watch `key`; for values that were changed in place."""
        self._db.notify_watch(key)

    def _item(self, key: bytes) -> CommandItem:
        return CommandItem(key, self._db, item=self._db.get(key))

    def _count_lookups(self, name: str, items: list[CommandItem]) -> None:
        plan = self.state.plans.named(name)
        if plan is None or not plan.reads:
            return
        statistics = self.state.statistics
        for item in items:
            if item.key in item.db:
                statistics.hits += 1
            else:
                statistics.misses += 1

    def _shape(self, result: Any) -> Any:
        if type(result) in _AS_THEY_ARE:
            return result
        if self._resp_version == 2:
            return to_resp2(result, self.state.shortest_doubles)
        return to_resp3(result, self.state.shortest_doubles)

    @command("exec", flags=msgs.FLAG_NO_SCRIPT + msgs.FLAG_TRANSACTION)
    def exec_(self) -> Any:
        queue = self._transaction
        if queue is None:
            raise SimpleError(msgs.WITHOUT_MULTI_MSG.format("EXEC"))
        failed, changed = self._transaction_failed, self._watched_changed()
        self._forget_transaction()
        self._clear_watches()
        if failed:
            raise SimpleError(msgs.EXECABORT_MSG)
        if changed:
            return NULL_ARRAY
        self._in_transaction = True
        try:
            return [self._call(plan, arguments, False) for plan, arguments in queue]
        finally:
            self._in_transaction = False

    def _watched_changed(self) -> bool:
        for key, database in list(self._watches):
            # Reading a key lets it expire, which counts as a change.
            database.get(key)
        return self._watch_notified
