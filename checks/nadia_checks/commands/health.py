"""`nadia health`: which faults does a health check notice; or, is the real system healthy?"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.core.exit_codes import Exit

if TYPE_CHECKING:
    from nadia_checks.core.project import Project
    from nadia_checks.health.job import Job, Result, RowResult

EPILOG = """\
examples:
  nadia health                                 put faults before the configured check
  nadia health --check bot.health:check        before another one
  nadia health --check 'python -m bot.health'  before a command, judged by its exit code
  nadia health --live --wait 60                is the real system healthy within a minute?

exit codes with --live: 0 healthy, 1 not healthy, 3 the check hung or crashed
"""

WAIT = 60.0
_MOST_SECONDS = 3600.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("path", nargs="?", default=".", help="a folder of the project (default: .)")
    parser.add_argument(
        "--check", default="", metavar="NAME", help="package.module:callable, or a command"
    )
    parser.add_argument(
        "--healthy", default="", metavar="NAME", help="package.module:callable that fills Redis"
    )
    parser.add_argument(
        "--deadline", type=_seconds, metavar="SECONDS", help="that a check may take (default: 3)"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--live", action="store_true", help="run the check on the real system")
    parser.add_argument(
        "--wait",
        type=_seconds_or_none,
        metavar="SECONDS",
        help="with --live: until it is healthy (default: 60; 0 looks once)",
    )


def run(options: argparse.Namespace) -> int:
    from nadia_checks.core.project import load_project
    from nadia_checks.registry import CHECK_NAMES

    if options.wait is not None and not options.live:
        raise UsageError("--wait goes with --live")
    project = load_project(Path(options.path), CHECK_NAMES)
    job = _job(project, options)
    with tempfile.TemporaryDirectory(prefix="nadia-") as scratch:
        result = _run(job, project, Path(scratch))
    verdict, wrong = _judge(result, job, [] if options.check else project.config.health.except_)
    if options.format == "json":
        _print_json(verdict, result)
    elif options.live:
        print(result.problem or result.healthy_run)
    else:
        _print_text(result, wrong)
    return {"pass": Exit.PASS, "fail": Exit.FINDINGS}.get(verdict, Exit.INCOMPLETE)


def _job(project: Project, options: argparse.Namespace) -> Job:
    import msgspec

    from nadia_checks.health.running import make_job

    wait = (WAIT if options.wait is None else options.wait) if options.live else None
    job = make_job(project, wait=wait)
    given: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("check", "healthy", "deadline")
        if getattr(options, name)
    }
    job = msgspec.structs.replace(job, **given)
    if not job.check:
        raise UsageError(
            "no health check is named: pass --check package.module:callable, or set "
            "[tool.nadia.health] check"
        )
    return job


def _run(job: Job, project: Project, scratch: Path) -> Result:
    from nadia_checks.health.job import Result
    from nadia_checks.health.running import run_job

    try:
        return run_job(job, project.root, scratch, (job.wait or 0) + _MOST_SECONDS)
    except CheckError as error:
        return Result(problem=str(error))


def _judge(result: Result, job: Job, excepted: list[str]) -> tuple[str, list[RowResult]]:
    """The verdict, and the rows that make it what it is."""
    from nadia_checks.health.check import require_tested
    from nadia_checks.health.excepted import without_excepted

    if result.problem:
        return "incomplete", []
    if job.wait is not None:
        return {"healthy": "pass", "unhealthy": "fail"}.get(result.live, "incomplete"), []
    wrong = without_excepted(result.rows, excepted)
    try:
        require_tested(result)
    except CheckError:
        return "incomplete", [row for row in result.rows if row.outcome == "invalid"] + wrong
    return ("fail" if wrong else "pass"), wrong


def _print_json(verdict: str, result: Result) -> None:
    import msgspec

    from nadia_checks.health.job import SCHEMA

    document = {
        "schema": SCHEMA,
        "verdict": verdict,
        "healthy_run": result.problem or result.healthy_run,
        "rows": result.rows,
        "score": result.score,
    }
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def _print_text(result: Result, wrong: list[RowResult]) -> None:
    if result.problem:
        print(result.problem)
        return
    wide = max((len(row.fault) for row in result.rows), default=0)
    applicable = [row for row in result.rows if row.outcome != "not applicable"]
    for row in applicable:
        line = f"{row.outcome:<12}  {row.fault:<{wide}}  {row.seconds:6.2f} s  {row.detail}"
        print(line.rstrip())
    score = result.score
    left_out = len(result.rows) - len(applicable)
    print(
        f"\n{score.noticed} of {score.applicable} faults noticed, {score.missed} missed, "
        f"{score.hung} hung, {score.crashed} crashed, {score.false_alarms} false alarms, "
        f"{left_out} not applicable"
    )
    excepted = len([row for row in result.rows if _is_wrong(row)]) - len(wrong)
    if excepted:
        print(f"{excepted} excepted by [tool.nadia.health] except")


def _is_wrong(row: RowResult) -> bool:
    return row.outcome in ("missed", "hung", "crashed", "false alarm", "invalid")


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 < (value := float(text)) < math.inf:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")


def _seconds_or_none(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0.0") else _seconds(text)
