"""Connections that were refused. Where nothing listens, no server is there to count them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.redis.connections import watch_connections

if TYPE_CHECKING:
    from pytest_nadia.redis.connections import Connections
    from pytest_nadia.redis.process import Front

_KERNELS_COUNTERS = Path("/proc/net/snmp")


class Refusals:
    """Counts the attempts to reach a front that is down."""

    def __init__(self, front: Front) -> None:
        self._stack = ExitStack()
        self._attempts: Connections = self._stack.enter_context(watch_connections())
        self._attempts.give((front.host, front.port), front.socket_path)
        self._before = _failed_attempts()

    def count(self) -> int:
        """This process's attempts; if there were none, those that failed on the whole machine.

        Among the latter are those of other processes and other languages than Python.
        """
        return len(self._attempts.opened()) or self.count_on_machine()

    def count_on_machine(self) -> int:
        return _failed_attempts() - self._before

    def close(self) -> None:
        self._stack.close()


def _failed_attempts() -> int:
    """By the kernel's own count; 0 where it does not tell."""
    try:
        lines = _KERNELS_COUNTERS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    names, numbers = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(numbers[names.index("AttemptFails")])
