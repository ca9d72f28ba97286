"""What to do first about a verdict, decided from the verdict alone."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from typing import TYPE_CHECKING

from nadia_checks.core.process import INSTALL
from nadia_checks.core.rules import STALE_ENTRY
from pytest_nadia.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nadia_checks.core.check import Check
    from nadia_checks.core.verdict import CheckResult, JudgedFinding, Verdict

MOST = 3
OUT_OF_TIME = "took longer than "

# Whose findings are read first: what leaks, what does not work, what can be attacked, the rest.
_FIRST_READ = ("detect-secrets:", "NAD1", "pytest:", "bandit:", "NAD", "mypy:", "ruff:")
_SEVERITIES = list(Severity)


def fix_first(verdict: Verdict, checks: Mapping[str, Check], root: Path, here: Path) -> list[str]:
    """At most three commands to paste in the folder `here`, the most useful first.

    What lets a check run comes first, then what settles the most findings.
    """
    install = [INSTALL] if any(INSTALL in result.reason for result in verdict.checks) else []
    there = [pasteable(command, root, here) for command in _settling(verdict, checks)]
    return (install + there)[:MOST]


def pasteable(command: str, root: Path, here: Path) -> str:
    """A command for the project's folder, given in `here` and leaving the shell there."""
    if root == here:
        return command
    relative = os.path.relpath(root, here)
    folder = min((relative, os.fspath(root)), key=len)
    folder = f"./{folder}" if folder.startswith("-") else folder
    grouped = f"{{ {command}; }}" if ";" in command else command
    return f"(cd {shlex.quote(folder)} && {grouped})"


def out_of_time(result: CheckResult) -> bool:
    """Whether the check was ended because it reached its time limit."""
    return result.status == "error" and result.reason.startswith(OUT_OF_TIME)


def to_read(verdict: Verdict) -> list[JudgedFinding]:
    """Every finding that the baseline does not know, the gravest first."""
    found = [one for result in verdict.checks for one in result.findings if not one.baselined]
    return sorted(found, key=_gravity)


def _settling(verdict: Verdict, checks: Mapping[str, Check]) -> list[str]:
    settled: Counter[str] = Counter()
    for result in verdict.checks:
        real = [one for one in result.failing if one.rule != STALE_ENTRY.number]
        settled[STALE_ENTRY.repair] += len(result.failing) - len(real)
        if real:
            settled[checks[result.name].first_aid(real)] += len(real)
    return [command for command, number in settled.most_common() if command and number]


def _gravity(finding: JudgedFinding) -> tuple[int, int, str, str, int]:
    group = next(
        (n for n, prefix in enumerate(_FIRST_READ) if finding.rule.startswith(prefix)),
        len(_FIRST_READ),
    )
    severity = _SEVERITIES.index(finding.severity)
    return severity, group, finding.rule, finding.path, finding.line
