"""Runs checks in parallel, each in its own process with a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from nadia_checks.core.process import BLOCK, Reader, end_tree
from pytest_nadia.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

GATE_VARIABLE = "NADIA_GATE"
RESULT_FILE = "result.json"
WORKER = (sys.executable, "-P", "-m", "nadia_checks.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One check to run; `time_limit` is in seconds."""

    check: str
    time_limit: float
    preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a check's process gave back: `error` says why it did not run to its end."""

    check: str
    seconds: float = 0.0
    error: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


class Progress(Protocol):
    # A check's process was started.
    def started(self, check: str) -> None: ...

    # It ended, however.
    def finished(self, ran: Ran) -> None: ...


class Runner:
    """Runs jobs on the project in `root`, `at_once` at a time; `stop()` ends all of them.

    `worker` is the program that gets a folder as argument and the job on standard input, and
    leaves its result in the folder.
    """

    def __init__(
        self,
        root: Path,
        progress: Progress,
        at_once: int | None = None,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self._root = root
        self._progress = progress
        self._at_once = at_once or max(2, os.cpu_count() or 2)
        self._worker = worker
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, jobs: Sequence[Job]) -> list[Ran]:
        """In the order of the jobs; they are started in that order too."""
        with ThreadPoolExecutor(self._at_once) as pool:
            try:
                return list(pool.map(self._run_one, jobs))
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            children = list(self._children)
        for child in children:
            end_tree(child)

    def _run_one(self, job: Job) -> Ran:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="nadia-", ignore_cleanup_errors=True) as scratch:
            ran = self._in_child(job, Path(scratch))
        ran = replace(ran, seconds=round(time.perf_counter() - started, 3))
        if not self._stopped:
            self._progress.finished(ran)
        return ran

    def _in_child(self, job: Job, scratch: Path) -> Ran:
        try:
            child = self._start(job, scratch)
        except OSError as error:
            return Ran(check=job.check, error=f"its process cannot be started: {error}")
        if child is None:
            return Ran(check=job.check, error="stopped")
        output = Reader(child.stdout, head=0, tail=BLOCK)
        try:
            _hand_over(job, child)
            child.wait(job.time_limit)
        except subprocess.TimeoutExpired:
            return Ran(check=job.check, error=f"took longer than its limit of {job.time_limit:g} s")
        finally:
            self._end(child, output)
        return _read_result(job, scratch / RESULT_FILE, child.returncode, output.kept)

    def _end(self, child: subprocess.Popen[bytes], output: Reader) -> None:
        end_tree(child)
        with self._lock:
            self._children.discard(child)
        output.join(timeout=5)
        if child.stdin:
            with suppress(BrokenPipeError):
                child.stdin.close()

    def _start(self, job: Job, scratch: Path) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            child = subprocess.Popen(
                [*self._worker, os.fspath(scratch)],
                cwd=self._root,
                env=os.environ | {GATE_VARIABLE: os.fspath(self._root)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._children.add(child)
        self._progress.started(job.check)
        return child


def _hand_over(job: Job, child: subprocess.Popen[bytes]) -> None:
    """Standard input stays open: the worker ends itself when it closes."""
    if child.stdin:
        with suppress(BrokenPipeError):
            child.stdin.write(msgspec.json.encode(job) + b"\n")
            child.stdin.flush()


def _read_result(job: Job, path: Path, returncode: int, output: bytes) -> Ran:
    if returncode:
        return Ran(check=job.check, error=_how_it_died(returncode, output))
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ran)
    except (OSError, msgspec.MsgspecError) as error:
        return Ran(check=job.check, error=f"gave no readable result: {error}")


def _how_it_died(returncode: int, output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    said = f": {lines[-1].strip()[:300]}" if lines else ""
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}{said}"
    return f"crashed with exit code {returncode}{said}"
