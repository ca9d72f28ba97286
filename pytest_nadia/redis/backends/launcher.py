"""Becomes the program named in its arguments, which then dies when its parent dies.

Arguments: the parent's process id, the program's path, its arguments. It is a program of its own,
because the other way to run code in a child before it turns into something else, `preexec_fn` of
`subprocess`, can deadlock when the parent has threads, which is not ours to know.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int) -> None:
    """On Linux, even a parent that was killed by SIGKILL takes this process with it.

    Elsewhere nothing does that; the next start then ends the server (see `folders.py`).
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that asked for the server is gone")


def main(arguments: list[str]) -> None:
    parent, *line = arguments
    die_with_parent(int(parent))
    try:
        os.execv(line[0], line)
    except OSError as error:
        sys.exit(f"{line[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
