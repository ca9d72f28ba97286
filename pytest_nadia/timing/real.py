"""The machine's own time: these functions are kept before anybody replaces them."""

from __future__ import annotations

from time import monotonic, monotonic_ns, sleep
from time import time as wall

__all__ = ["monotonic", "monotonic_ns", "sleep", "wall"]
