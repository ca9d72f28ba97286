"""Other programs: started with bounded memory, and ended with everything that they started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from nadia_checks.core.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEBIBYTE = 1 << 20
BLOCK = 1 << 16
# Seconds that a program gets after SIGINT.
TIME_TO_TIDY = 5.0
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
INSTALL = "pip install 'pytest-nadia[all]'"


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended. Of its output only the limits' worth of bytes was kept."""

    returncode: int
    stdout: bytes
    stderr: bytes
    cut: bool

    @property
    def last_line(self) -> str:
        """The last line that says something, from standard error or else standard output."""
        for stream in (self.stderr, self.stdout):
            if lines := stream.decode(errors="replace").strip().splitlines():
                return lines[-1].strip()[:300]
        return "no output"


class Reader(threading.Thread):
    """Reads a stream to its end, closes it, and keeps its first `head` and last `tail` bytes."""

    def __init__(self, stream: IO[bytes] | None, *, head: int, tail: int) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._room = head
        self._head: list[bytes] = []
        self._most = tail
        self._tail = b""
        self.cut = False
        self.start()

    def run(self) -> None:
        if self._stream is None:
            return
        with self._stream as stream:
            while block := os.read(stream.fileno(), BLOCK):
                self._keep(block)

    def _keep(self, block: bytes) -> None:
        kept, rest = block[: self._room], block[self._room :]
        self._room -= len(kept)
        self._head.append(kept)
        if rest:
            self.cut = True
            self._tail = (self._tail + rest)[-self._most :] if self._most else b""

    @property
    def kept(self) -> bytes:
        return b"".join((*self._head, self._tail))


def run_program(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    time_limit: float | None = None,
    stdout_limit: int = 64 * MEBIBYTE,
) -> Completed:
    """Runs a program to its end; past `time_limit` seconds it gets SIGINT, then SIGKILL.

    Whatever it started ends with it, also when this process is interrupted meanwhile.

    Raises:
        CheckError: the program is not there.
    """
    try:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise CheckError(f"{argv[0]} cannot be started ({error.strerror}): {INSTALL}") from None
    out = Reader(child.stdout, head=stdout_limit, tail=0)
    err = Reader(child.stderr, head=BLOCK, tail=BLOCK)
    try:
        _wait(child, time_limit)
    finally:
        end_tree(child)
    for reader in (out, err):
        reader.join(timeout=5)
    return Completed(child.returncode, out.kept, err.kept, out.cut)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line of a tool in this Python, deaf to files of the project with its name."""
    return [sys.executable, "-P", "-m", module, *arguments]


def _wait(child: subprocess.Popen[bytes], time_limit: float | None) -> None:
    try:
        child.wait(time_limit)
    except subprocess.TimeoutExpired:
        # Named while their parent lives: once it is gone, they are nobody's.
        started = _living_descendants(child.pid)
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(TIME_TO_TIDY)
        _kill(started)


def _kill(processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def adopt_orphans() -> None:
    """On Linux, makes this process the parent of whatever its descendants leave behind."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(pid: int) -> None:
    """Kills all that `pid` started, and what those started, until nothing of it is left."""
    for _ in range(1000):
        doomed = _living_descendants(pid)
        if not doomed:
            return
        _kill(doomed)


def end_tree(child: subprocess.Popen[bytes]) -> None:
    """Kills a child, if it still runs, and all that it started."""
    child.send_signal(signal.SIGSTOP)
    end_descendants(child.pid)
    child.kill()
    child.wait()


def _living_descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process, parent, session in _living_processes():
        children.setdefault(parent, []).append(process)
        if session == pid != process:
            children.setdefault(pid, []).append(process)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        new = [child for child in children.pop(waiting.pop(), []) if child not in found]
        found += new
        waiting += new
    return found


def _living_processes() -> list[tuple[int, int, int]]:
    """Process, parent and session numbers of all processes but the ended ones."""
    if Path("/proc/self/stat").exists():
        return [row for entry in Path("/proc").glob("[0-9]*") if (row := _read_stat(entry))]
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,sess=,stat="], capture_output=True, text=True, check=False
    ).stdout
    rows = [line.split() for line in listing.splitlines()]
    return [(int(row[0]), int(row[1]), 0) for row in rows if not row[-1].startswith("Z")]


def _read_stat(entry: Path) -> tuple[int, int, int] | None:
    """From /proc/PID/stat; the fields are those of proc(5)."""
    try:
        text = (entry / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent, _group, session, *_ = text[text.rindex(")") + 2 :].split()
    return None if state in "ZX" else (int(entry.name), int(parent), int(session))
