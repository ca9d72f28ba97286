"""Connections that were refused. Where nothing listens, no server is there to count them."""

from __future__ import annotations

from pathlib import Path

_COUNTERS = Path("/proc/net/snmp")


def refused_connections() -> int:
    """How many attempts to connect have failed on this machine, by the kernel's own count.

    Other programs' are among them. 0 where the kernel does not tell.
    """
    try:
        lines = _COUNTERS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    names, numbers = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(numbers[names.index("AttemptFails")])
