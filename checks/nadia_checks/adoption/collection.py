"""What pytest itself says of the project: what it collects, and which file it reads."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.adoption.traces import without_traces
from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import MEBIBYTE, run_program
from nadia_checks.pytest.command import pytest_command, pytest_environment
from nadia_checks.pytest.incomplete import require_complete
from nadia_checks.pytest.report import read_report

if TYPE_CHECKING:
    from nadia_checks.core.project import Project

SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """`inipath` is the file whose settings pytest reads, None where it reads none.

    `failed` says why pytest could not be asked, "" when it answered.
    """

    collected: int = 0
    not_collected: int = 0
    inipath: Path | None = None
    failed: str = ""


def collect(project: Project, seconds: float = SECONDS) -> Collection:
    """Asks pytest to collect, without running a test, and leaves nothing behind."""
    with without_traces(project.root), tempfile.TemporaryDirectory(prefix="nadia-") as scratch:
        try:
            return _ask(project, Path(scratch), seconds)
        except CheckError as error:
            return Collection(failed=str(error))


def _ask(project: Project, scratch: Path, seconds: float) -> Collection:
    file = scratch / "collection.json"
    done = run_program(
        pytest_command(project, scratch, file, preview=True),
        cwd=project.root,
        env=pytest_environment(preview=True),
        time_limit=seconds,
        stdout_limit=MEBIBYTE,
    )
    report = require_complete(done, read_report(file), [])
    return Collection(
        collected=report.collected,
        not_collected=len(report.collect_errors),
        inipath=Path(report.inipath) if report.inipath else None,
    )
