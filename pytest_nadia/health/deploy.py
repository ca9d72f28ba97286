"""Runs a deployment against a health endpoint that fails when it is told to."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "venv", "node_modules", "__pycache__")
_MOST_OUTPUT = 500
_SHIM = """\
#!{python}
import os
with open({log!r}, "a") as log:
    log.write("rolled back\\n")
raise SystemExit({code})
"""


@dataclass(frozen=True, slots=True)
class Case:
    """When health fails: `healthy` are the answers, in order, the last one for all that follow."""

    name: str
    answers: tuple[bool, ...]
    succeeds: bool
    rollbacks: tuple[int, ...]
    rollback_code: int = 0

    @property
    def least_looks(self) -> int:
        """How often the endpoint must be asked before this differs from another case."""
        return len(self.answers)


# A deployment that refuses to begin on an unhealthy system has nothing to roll back.
CASES = (
    Case("healthy", (True,), True, (0,)),
    Case("before", (False,), False, (0, 1)),
    Case("during", (True, False), False, (1,)),
    Case("after", (True, True, False), False, (1,)),
    Case("rollback fails", (True, False), False, (1,), rollback_code=1),
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a deployment did in one case; `code` is None if it did not end in time."""

    case: str
    code: int | None
    rollbacks: int
    looks: int
    output: str
    problem: str


class Rehearsal:
    """What the fixture `rehearse_deploy` gives: call it."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch

    def __call__(
        self,
        deploy: str | Sequence[str],
        rollback: str,
        health: str = "HEALTH_URL",
        *,
        cwd: str | Path = ".",
        deadline: float = 30.0,
    ) -> list[Rehearsed]:
        """Run a deployment with health failing before, during and after it, and never.

        `deploy` is the command; `rollback` the program that it calls to roll back: a name, which
        is looked up on PATH, or a path in the project, of which a copy is used then. In its place
        stands one that only counts. `health` is the environment variable in which the deployment
        finds the URL to ask, which answers 200 or 503. Each run takes at most `deadline` seconds.

        Raises AssertionError unless it rolls back exactly once, and ends with the right exit code,
        in each case; ValueError for a command that cannot be run.
        """
        __tracebackhide__ = True
        command = shlex.split(deploy) if isinstance(deploy, str) else list(deploy)
        if not command or not rollback or deadline <= 0:
            raise ValueError("rehearse_deploy needs a command, a rollback and a deadline above 0")
        found = [
            self._rehearse(case, command, rollback, health, Path(cwd), deadline) for case in CASES
        ]
        if any(one.problem for one in found):
            raise AssertionError("\n".join(_report(found)))
        return found

    def _rehearse(
        self,
        case: Case,
        command: list[str],
        rollback: str,
        health: str,
        cwd: Path,
        deadline: float,
    ) -> Rehearsed:
        place = Path(tempfile.mkdtemp(dir=self._scratch))
        log = place / "rollbacks"
        folder, programs = _stage(
            place,
            cwd,
            rollback,
            _SHIM.format(python=sys.executable, log=os.fspath(log), code=case.rollback_code),
        )
        with _endpoint(case.answers) as endpoint:
            environment = {
                **os.environ,
                health: endpoint.url,
                "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
            }
            code, output = _run(command, folder, environment, deadline)
        rollbacks = len(log.read_text().splitlines()) if log.exists() else 0
        problem = _problem(case, code, rollbacks, endpoint.looks)
        return Rehearsed(case.name, code, rollbacks, endpoint.looks, output, problem)


def _stage(place: Path, cwd: Path, rollback: str, shim: str) -> tuple[Path, Path]:
    """The folder to run in, and the one that comes first on PATH."""
    programs = place / "programs"
    programs.mkdir()
    if "/" not in rollback:
        _write_program(programs / rollback, shim)
        return cwd, programs
    copy = place / "project"
    own = place.parent.resolve()

    def ignored(folder: str, names: list[str]) -> set[str]:
        inside = {name for name in names if Path(folder, name).resolve() == own}
        return inside | _NOT_COPIED(folder, names)

    shutil.copytree(cwd, copy, symlinks=True, ignore=ignored)
    script = copy / rollback
    if not script.is_file() or not script.resolve().is_relative_to(copy.resolve()):
        raise ValueError(f"rollback={rollback!r} is no file in {cwd}")
    _write_program(script, shim)
    return copy, programs


def _write_program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _run(
    command: list[str], cwd: Path, environment: dict[str, str], deadline: float
) -> tuple[int | None, str]:
    try:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ValueError(f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        output, _ = child.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        _kill_all(child)
        return None, ""
    finally:
        _kill_all(child)
    return child.returncode, output.decode(errors="replace").strip()[-_MOST_OUTPUT:]


def _kill_all(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _problem(case: Case, code: int | None, rollbacks: int, looks: int) -> str:
    if code is None:
        return "it did not end in time"
    if looks < case.least_looks:
        times = "once" if looks == 1 else f"{looks} times"
        return (
            f"it asked for health {times}: a failure that comes {'later' if looks else 'at all'} "
            "is never seen"
        )
    if rollbacks not in case.rollbacks:
        wanted = " or ".join(map(str, case.rollbacks))
        return f"it rolled back {rollbacks} times, not {wanted}"
    if (code == 0) != case.succeeds:
        return f"it ended with exit code {code}, not {'0' if case.succeeds else 'another than 0'}"
    return ""


def _report(found: list[Rehearsed]) -> Iterator[str]:
    wrong = [one for one in found if one.problem]
    yield f"{len(wrong)} of {len(found)} rehearsals of the deployment went wrong"
    for one in found:
        code = "none" if one.code is None else one.code
        line = (
            f"  {one.case:<14}  exit code {code:<4}  {one.rollbacks} rollbacks  "
            f"{one.looks} looks  {one.problem}"
        )
        yield line.rstrip()
    for one in wrong[:1]:
        if one.output:
            yield f"  it printed: {' '.join(one.output.split())}"


class _Endpoint(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers: tuple[bool, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._answers = answers
        self._lock = threading.Lock()
        self.looks = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/health"

    def next_answer(self) -> bool:
        with self._lock:
            self.looks += 1
            return self._answers[min(self.looks, len(self._answers)) - 1]


class _Handler(BaseHTTPRequestHandler):
    server: _Endpoint

    def do_GET(self) -> None:
        healthy = self.server.next_answer()
        body = b'{"status": "healthy"}\n' if healthy else b'{"status": "unhealthy"}\n'
        self.send_response(200 if healthy else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""


@contextmanager
def _endpoint(answers: tuple[bool, ...]) -> Iterator[_Endpoint]:
    with _Endpoint(answers) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(0.01))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
