"""`nadia gate`: every check, one verdict."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from nadia_checks.core.errors import UsageError

if TYPE_CHECKING:
    from nadia_checks.core.gate import Options
    from nadia_checks.core.project import Project
    from nadia_checks.core.verdict import Verdict

EPILOG = """\
examples:
  nadia gate                       judge the project in this folder
  nadia gate services/bot          judge the project in another folder
  nadia gate --only lint,secrets   two checks only
  nadia gate --format json         the verdict as data; progress goes to standard error
"""

# All checks at once, each for so long: with the start, ten seconds in all.
PREVIEW_SECONDS = 8.5


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("path", nargs="?", default=".", help="a folder of the project (default: .)")
    parser.add_argument("--only", default="", metavar="CHECK,…", help="run these checks only")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--no-baseline", action="store_true", help="judge known findings too")
    parser.add_argument(
        "--time-limit", type=_seconds, metavar="SECONDS", help="for each check, before its own"
    )
    parser.add_argument("--jobs", type=_positive, metavar="N", help="checks at a time")


def preview_options() -> argparse.Namespace:
    """What `nadia` without a command runs: the gate, or a preview where nothing is configured."""
    parser = argparse.ArgumentParser()
    configure(parser)
    return parser.parse_args([], argparse.Namespace(preview=True))


def run(options: argparse.Namespace) -> int:
    from nadia_checks.core.project import load_project
    from nadia_checks.registry import CHECK_NAMES

    refuse_nested_gate()
    project = load_project(Path(options.path), CHECK_NAMES)
    preview = getattr(options, "preview", False) and not project.configured
    as_json = options.format == "json"
    gate_options = _gate_options(options, preview)
    at_once = len(CHECK_NAMES) if preview else options.jobs
    verdict = judge(project, gate_options, sys.stderr if as_json else sys.stdout, at_once)
    show(verdict, project, as_json=as_json, preview=preview)
    return verdict.exit_code


def judge(
    project: Project, options: Options, progress_stream: TextIO, at_once: int | None = None
) -> Verdict:
    """Runs the gate with a line of progress for each check, `at_once` checks in parallel."""
    from nadia_checks.core.gate import run_gate
    from nadia_checks.core.runner import Runner
    from nadia_checks.registry import load_checks
    from nadia_checks.report import progress

    with progress.for_stream(progress_stream) as watcher:
        return run_gate(project, load_checks(), options, Runner(project.root, watcher, at_once))


def show(verdict: Verdict, project: Project, *, as_json: bool, preview: bool) -> None:
    """Prints the verdict on standard output."""
    from nadia_checks.registry import load_checks
    from nadia_checks.report import json, text

    if as_json:
        sys.stdout.write(json.render(verdict))
    else:
        text.show(verdict, project, load_checks(), sys.stdout, preview=preview)
    sys.stdout.flush()


def refuse_nested_gate() -> None:
    """Raises:
    UsageError: this process was started by a gate, which would go round in a circle.
    """
    from nadia_checks.core.runner import GATE_VARIABLE

    if outer := os.environ.get(GATE_VARIABLE):
        raise UsageError(
            f"a gate is already running on {outer}: a check or a test may not start another "
            f"(a test of the gate itself removes {GATE_VARIABLE} from the environment)"
        )


def parse_only(text: str) -> list[str]:
    """The names of checks in a list with commas.

    Raises:
        UsageError: a name is no check's; the nearest one is suggested.
    """
    from nadia_checks.core.config import nearest
    from nadia_checks.registry import CHECK_NAMES

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in CHECK_NAMES:
            raise UsageError(f"there is no check {name!r}{nearest(name, CHECK_NAMES)}")
    return names


def _gate_options(options: argparse.Namespace, preview: bool) -> Options:
    from nadia_checks.core.gate import Options

    return Options(
        only=parse_only(options.only),
        use_baseline=not options.no_baseline,
        time_limit=PREVIEW_SECONDS if preview else options.time_limit,
        preview=preview,
    )


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")


def _positive(text: str) -> int:
    with suppress(ValueError):
        if (value := int(text)) >= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
