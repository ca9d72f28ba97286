"""Connections that were refused. Where nothing listens, no server is there to count them."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pytest_nadia.redis.connections import watch_connections

if TYPE_CHECKING:
    from pytest_nadia.redis.connections import Connections
    from pytest_nadia.redis.process import Front

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


class Refusals:
    """Counts this process's attempts to reach a front that is down.

    Other programs, and clients with sockets of their own, are not seen: the kernel counts what
    it refused for all programs on the machine, and names none.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._stack = ExitStack()
        self._attempts: Connections = self._stack.enter_context(watch_connections())
        self._attempts.give((front.host, front.port), front.socket_path)
        self._known = {one.number for one in front.connections()}

    def count(self) -> int:
        """The attempts that the front did not let in."""
        tried = Counter(one.port for one in self._attempts.opened())
        return (tried - self._let_in()).total() if tried else 0

    def close(self) -> None:
        self._stack.close()

    def _let_in(self) -> Counter[int]:
        records = self._front.connections()
        return Counter(one.port for one in records if one.number not in self._known)
