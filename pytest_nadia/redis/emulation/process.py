"""What the operating system says of this process and this machine."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path


def resident_bytes() -> int:
    """Memory that this process holds now; where /proc is missing, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine_bytes() -> int:
    """Memory that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def system_name() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}"
