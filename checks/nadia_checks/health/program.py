"""The process that imports a project's health check, and runs it: job and result are files."""

from __future__ import annotations

import inspect
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nadia_checks.core.exit_codes import Exit
from nadia_checks.health.job import Job, Result, RowResult, ScoreResult
from pytest_nadia.health.names import NameProblemError, load_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.health.bounded import Ran

_NAME = re.compile(r"[\w.]+:[\w.]+")
# Seconds between two looks at a system that is not healthy yet.
_PAUSE = 1.0


def main() -> int:
    """Runs the job in the first file, and leaves the result in the second."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    sys.path[:0] = job.paths
    try:
        result = run_matrix(job) if job.wait is None else run_live(job)
    except (NameProblemError, ValueError) as error:
        result = Result(wrong=" ".join(str(error).split()))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(result))
    return Exit.PASS


def run_matrix(job: Job) -> Result:
    """The whole matrix on an embedded Redis.

    Raises NameProblemError and ValueError for a configuration that cannot be used.
    """
    from pytest_nadia.redis.process import FrontError, run_front
    from pytest_nadia.requirements import missing_requirement

    if lacking := missing_requirement("nadia health", ["fakeredis", "redis"]):
        return Result(wrong=lacking)
    try:
        with run_front("embedded") as front:
            from pytest_nadia.health.matrix import HealthMatrix, RedBeforeAnyFaultError
            from pytest_nadia.redis.instance import RedisServer

            server = RedisServer(front)
            os.environ.update(dict.fromkeys(job.variables, server.url))
            check = _load(job.check)
            try:
                found = HealthMatrix(server, job.limits).run(
                    check,
                    healthy=_optional(job.healthy),
                    store=_store(job.store),
                    deadline=job.deadline,
                )
            except RedBeforeAnyFaultError as error:
                return Result(problem=str(error))
    except FrontError as error:
        return Result(problem=str(error))
    record = found.record()
    path, line = _place(check)
    return Result(
        healthy_run=record["healthy_run"],
        rows=[RowResult(**row) for row in record["rows"]],
        score=ScoreResult(**record["score"]),
        path=path,
        line=line,
    )


def run_live(job: Job) -> Result:
    """The check on the real system, again and again until it is healthy or the time is over.

    Raises NameProblemError and ValueError for a configuration that cannot be used.
    """
    from pytest_nadia.health.bounded import run_bounded
    from pytest_nadia.health.subject import Subject

    url = next(filter(None, map(os.environ.get, job.variables)), "redis://127.0.0.1:6379/0")
    subject = Subject(_load(job.check), url)
    end = time.monotonic() + (job.wait or 0)
    while True:
        result = _live(run_bounded(subject.run, job.deadline))
        left = end - time.monotonic()
        if result.live == "healthy" or left <= 0:
            return result
        time.sleep(min(_PAUSE, left))


def _live(ran: Ran) -> Result:
    from pytest_nadia.health.reading import shown

    if ran.ending == "hung":
        return Result(live="hung", healthy_run=f"hung: {ran.detail}")
    if ran.reading is None:
        return Result(problem=f"the check crashed: {ran.detail}")
    if ran.reading.state == "nonsense":
        return Result(problem=f"the check says neither healthy nor not: {shown(ran.reading)}")
    return Result(live=ran.reading.state, healthy_run=shown(ran.reading))


def _load(name: str) -> Any:
    return load_object(name) if _NAME.fullmatch(name) else name


def _optional(name: str) -> Callable[..., Any] | None:
    if not name:
        return None
    found: Callable[..., Any] = load_object(name)
    return found


def _store(name: str) -> Any:
    if not name:
        return None
    if _NAME.fullmatch(name):
        return load_object(name)
    if not Path(name).is_file():
        raise ValueError(f"store = {name!r} is neither a file nor package.module:function")
    return name


def _place(check: Any) -> tuple[str, int]:
    """The file and line of the check's code."""
    try:
        code: Any = inspect.unwrap(check)
        path = inspect.getsourcefile(code)
        return path or "", inspect.getsourcelines(code)[1]
    except (TypeError, OSError):
        return "", 0


if __name__ == "__main__":
    sys.exit(main())
