"""Sets the server's own memory limit, so that it refuses writes by itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from redis import Redis

from pytest_nadia.redis.budget import folded_names
from pytest_nadia.redis.wire import RuleState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_nadia.redis.process import Front

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_OURS = ("embedded", "server")


class MemoryLimit:
    def __init__(self, front: Front, limit: int) -> None:
        if front.kind not in _OURS:
            raise ValueError(
                "maxmemory() would limit all who use this server: "
                'use redis_faults.error("OOM") instead'
            )
        self._front = front
        self._limit = limit
        self._before: Mapping[str, str] = {}
        self._mark = 0

    def on(self) -> None:
        self._mark = self._front.mark()
        with self._backstage() as backstage:
            self._before = backstage.config_get("maxmemory")
            backstage.config_set("maxmemory", self._limit)

    def state(self) -> RuleState:
        records = [one for one in self._front.records(self._mark) if not one.handshake]
        refused = sum(one.reply.startswith(b"-OOM") for one in records)
        return RuleState(refused, dict(Counter(one.name for one in records)))

    def off(self) -> RuleState:
        state = self.state()
        with self._backstage() as backstage:
            backstage.config_set("maxmemory", self._before["maxmemory"])
        return state

    def why_unfired(self, state: RuleState) -> str:
        with self._backstage() as backstage:
            used = backstage.info("memory")["used_memory"]
        came = folded_names(Counter(state.seen)) or "no command"
        return (
            f"it waited for a write that the server refuses, and saw {came} "
            f"(used_memory is {used}, the limit was {self._limit})"
        )

    def _backstage(self) -> Redis:
        return Redis(unix_socket_path=self._front.backstage_path, decode_responses=True)
