"""The verdict object: decided once, rendered many times (format "nadia/verdict/1")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nadia_checks.core.exit_codes import Exit
from pytest_nadia.finding import Finding, Severity

SCHEMA = "nadia/verdict/1"

Status = Literal["pass", "fail", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFinding(Finding):
    """A finding, and whether the baseline already knows it."""

    baselined: bool = False

    @property
    def fails(self) -> bool:
        return self.severity is Severity.ERROR and not self.baselined


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check's part of the verdict; `reason` says why a check is `error` or `skipped`.

    `unseen` are the paths, files or folders, about which the check could not tell more than its
    findings say: what the baseline knows below them is not called repaired.
    """

    name: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    cached: bool = False
    metrics: dict[str, float] = field(default_factory=dict)
    findings: list[JudgedFinding] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def failing(self) -> list[JudgedFinding]:
        return [finding for finding in self.findings if finding.fails]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """A check that has nothing to do in this project, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate decided. `seconds` are wall time."""

    schema: str = SCHEMA
    verdict: Literal["pass", "fail", "incomplete"]
    seconds: float
    checks: list[CheckResult]
    not_applicable: list[NotApplicable]

    @property
    def exit_code(self) -> Exit:
        return {"pass": Exit.PASS, "fail": Exit.FINDINGS, "incomplete": Exit.INCOMPLETE}[
            self.verdict
        ]


def decide(
    results: list[CheckResult], not_applicable: list[NotApplicable], seconds: float
) -> Verdict:
    """Fail closed: an error, or nothing that ran at all, is incomplete, whatever else was found."""
    statuses = {result.status for result in results}
    if "error" in statuses or not statuses & {"pass", "fail"}:
        word: Literal["pass", "fail", "incomplete"] = "incomplete"
    else:
        word = "fail" if "fail" in statuses else "pass"
    return Verdict(verdict=word, seconds=seconds, checks=results, not_applicable=not_applicable)
