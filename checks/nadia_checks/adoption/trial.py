"""One run of the gate before it is configured: what there is today, and what can run at all."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nadia_checks.adoption.traces import without_traces
from nadia_checks.core.config import parse_config
from nadia_checks.core.gate import Options, run_gate
from nadia_checks.core.runner import Runner
from nadia_checks.core.verdict import Verdict, decide
from nadia_checks.pytest.command import added_options
from nadia_checks.registry import CHECK_NAMES, load_checks
from nadia_checks.report import progress

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from nadia_checks.core.project import Project

WORKER = (sys.executable, "-P", "-m", "nadia_checks.adoption.worker")
# The floors are set from what this run measures, so none is too low for it.
NO_FLOORS = {"line_floor": 0, "branch_floor": 0}


def run_trial(project: Project, table: dict[str, Any], salt: bytes, stream: TextIO) -> Verdict:
    """Runs what applies as if table and salt were the project's already, with progress."""
    with without_traces(project.root) as scratch, progress.for_stream(stream) as watcher:
        args = {"args": _cache_elsewhere(project, scratch)}
        trial = table | {"checks": None, "pytest": table.get("pytest", {}) | NO_FLOORS | args}
        configured = replace(project, config=parse_config(trial, CHECK_NAMES))
        runner = Runner(project.root, watcher, worker=(*WORKER, json.dumps([trial, salt.hex()])))
        return run_gate(configured, load_checks(), Options(use_baseline=False), runner)


def _cache_elsewhere(project: Project, scratch: Path) -> list[str]:
    """Nothing where pytest's cache is off: the option is unknown then, and may not be named."""
    turned_off = any(word.endswith("no:cacheprovider") for word in added_options(project.root))
    not_utf8 = any("\udc80" <= char <= "\udcff" for char in "".join(project.python_files))
    return [] if turned_off or not_utf8 else ["-o", f"cache_dir={scratch / 'pytest'}"]


def line_floor(verdict: Verdict) -> int | None:
    return _floor(verdict, "lines", "statements_counted")


def branch_floor(verdict: Verdict) -> int | None:
    return _floor(verdict, "branches", "branches_counted")


def _floor(verdict: Verdict, metric: str, counted: str) -> int | None:
    """Today's percentage rounded down; None where nothing was counted."""
    measured = [result.metrics for result in verdict.checks if result.name == "pytest"]
    return next((math.floor(one[metric]) for one in measured if one.get(counted)), None)


def could_not_run(verdict: Verdict) -> dict[str, str]:
    """The checks that apply and did not run to their end, each with the reason."""
    return {one.name: one.reason for one in verdict.checks if one.status == "error"}


def as_adopted(verdict: Verdict) -> Verdict:
    """The verdict that the gate gives once these findings are in the baseline."""
    results = [
        replace(
            result,
            status="pass",
            findings=[replace(one, baselined=one.fails) for one in result.findings],
        )
        for result in verdict.checks
        if result.status != "error"
    ]
    return decide(results, verdict.not_applicable, verdict.seconds)
