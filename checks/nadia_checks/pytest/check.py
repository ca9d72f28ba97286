"""The check `pytest`: the project's tests pass, and run enough of its code."""

from __future__ import annotations

import fnmatch
import time
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nadia_checks.core.check import MOST_PLACES, Outcome
from nadia_checks.core.errors import CheckError
from nadia_checks.core.packages import find_packages
from nadia_checks.core.process import MEBIBYTE, run_program
from nadia_checks.pytest.command import added_options, pytest_command, pytest_environment
from nadia_checks.pytest.configuration_files import as_list, read_settings
from nadia_checks.pytest.findings import (
    BRANCHES,
    FAILED,
    LINES,
    UNCOLLECTED,
    TestDrafts,
    coverage_drafts,
)
from nadia_checks.pytest.ignored_configuration import RULE, ignored_settings
from nadia_checks.pytest.incomplete import require_complete, require_tests, too_long
from nadia_checks.pytest.measuring import Measured, percent_down, prepare_measurement
from nadia_checks.pytest.report import Report, read_report
from nadia_checks.pytest.running import read_running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import PytestOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding

# Seconds in which an interrupted pytest ends, or is killed, and its report is read.
TIME_TO_END = 16.0
DEFAULT_FILES = ["test_*.py", "*_test.py"]


class PytestCheck:
    name = "pytest"
    summary = "the tests pass, and run enough lines and branches (pytest, coverage)"
    rules = (RULE.number, "pytest:", "coverage:")

    def options(self, project: Project) -> PytestOptions:
        return project.config.pytest

    def not_applicable(self, project: Project) -> str:
        settings = read_settings(project.root)
        doctests = any("doctest" in word for word in added_options(project.root))
        if settings.get("testpaths") or doctests or ignored_settings(project.root):
            return ""
        patterns = as_list(settings.get("python_files")) or DEFAULT_FILES
        found = any(_matches(name, patterns) for name in project.files)
        return "" if found else "no test files"

    def run(self, context: Context) -> Outcome:
        ignored = ignored_settings(context.project.root)
        try:
            outcome = _preview(context) if context.preview else _run(context)
        except CheckError as error:
            also = "".join(f"; {draft.message} ({draft.rule})" for draft in ignored)
            raise CheckError(f"{error}{also}") from None
        return replace(outcome, drafts=ignored + outcome.drafts)

    def first_aid(self, findings: Sequence[Finding]) -> str:
        rules = {finding.rule for finding in findings}
        if UNCOLLECTED in rules:
            return "pytest --collect-only -q"
        if FAILED in rules:
            return _rerun([one for one in findings if one.rule == FAILED])
        if LINES in rules or BRANCHES in rules:
            return "coverage run -m pytest; coverage report --show-missing --skip-covered"
        return ""


def _rerun(failed: list[Finding]) -> str:
    """Those few that failed, as their help names them; of many, what pytest remembers."""
    few = [one.help.removeprefix("pytest ") for one in failed]
    return " ".join(["pytest", *few]) if len(few) <= MOST_PLACES else "pytest --last-failed"


def _matches(name: str, patterns: list[str]) -> bool:
    path = PurePosixPath(name)
    return any(fnmatch.fnmatch(name if "/" in one else path.name, one) for one in patterns)


def _preview(context: Context) -> Outcome:
    report = _run_pytest(context, None)
    drafts = TestDrafts(context.project, report).all()
    counts = {"tests": len(report.tests), "uncollected": len(report.collect_errors)}
    return Outcome(drafts=drafts, metrics={"run": 0.0, **counts})


def _run(context: Context) -> Outcome:
    project = context.project
    packages = find_packages(project)
    measurement = prepare_measurement(project, packages, context.scratch)
    report = _run_pytest(context, measurement.rcfile if measurement else None)
    drafts = TestDrafts(project, report).all()
    metrics = _test_metrics(report)
    if measurement:
        measured = measurement.result()
        _require_measured(measured, packages, report)
        drafts += coverage_drafts(measured, project.config.pytest, project)
        metrics |= _coverage_metrics(measured)
    unseen = [draft.path for draft in drafts if draft.rule == UNCOLLECTED]
    return Outcome(drafts=drafts, metrics=metrics, unseen=unseen)


def _run_pytest(context: Context, rcfile: Path | None) -> Report:
    project = context.project
    path = context.scratch / "tests.json"
    limit = context.time_limit
    stop = _stop_after(limit)
    started = time.perf_counter()
    completed = run_program(
        pytest_command(project, context.scratch, path, preview=context.preview),
        cwd=project.root,
        env=pytest_environment(preview=context.preview, rcfile=rcfile),
        time_limit=stop,
        stdout_limit=MEBIBYTE,
    )
    if time.perf_counter() - started >= stop:
        raise too_long(stop, limit, read_report(path), read_running(path))
    report = require_complete(completed, read_report(path), read_running(path))
    require_tests(report, read_settings(project.root), preview=context.preview)
    return report


def _stop_after(limit: float) -> float:
    """The seconds that pytest gets: what is left must do to hear which tests were running."""
    return max(limit / 2, min(limit * 0.9, limit - TIME_TO_END))


def _require_measured(measured: Measured, packages: list[str], report: Report) -> None:
    """Tests that passed ran something; where none did, nothing measured is 0 %."""
    totals = measured.totals
    nothing = totals is None or (totals.num_statements > 0 and not totals.covered_lines)
    if nothing and report.count("passed", "xpassed"):
        raise CheckError(
            f"coverage measured nothing of {', '.join(packages) or 'its sources'}: no test imports "
            "it, or they import an installed copy (pip install -e .), or coverage is older than "
            "7.13"
        )


def _test_metrics(report: Report) -> dict[str, float]:
    return {
        "run": 1,
        "tests": len(report.tests),
        "failed": report.count("failed", "error"),
        "skipped": report.count("skipped"),
        "deselected": report.deselected,
        "uncollected": len(report.collect_errors),
    }


def _coverage_metrics(measured: Measured) -> dict[str, float]:
    totals = measured.totals
    return {
        "lines": percent_down(measured.lines),
        "branches": percent_down(measured.branches),
        "statements_counted": totals.num_statements if totals else 0,
        "branches_counted": totals.num_branches if totals else 0,
    }
