"""The gate: chooses the checks, runs them, compares with the baseline and decides."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from nadia_checks.core import baseline
from nadia_checks.core.check import owns
from nadia_checks.core.rules import STALE_ENTRY
from nadia_checks.core.runner import Job, Ran
from nadia_checks.core.verdict import CheckResult, JudgedFinding, NotApplicable, Verdict, decide
from pytest_nadia.finding import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nadia_checks.core.check import Check
    from nadia_checks.core.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a gate is run.

    `only` names checks; `time_limit` (seconds a check) goes before the configured one.
    """

    only: Sequence[str] = ()
    use_baseline: bool = True
    time_limit: float | None = None
    preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be run, what will not, and why."""

    jobs: list[Job]
    fixed: list[CheckResult]
    not_applicable: list[NotApplicable]


class RunsJobs(Protocol):
    # Runs all jobs, started in their order, and gives what came of them in the same order.
    def run(self, jobs: Sequence[Job]) -> list[Ran]: ...


def run_gate(
    project: Project, checks: Mapping[str, Check], options: Options, runner: RunsJobs
) -> Verdict:
    """Runs the gate on a project.

    Raises:
        UsageError: the baseline cannot be read.
    """
    started = time.perf_counter()
    known = baseline.read(project.root) if options.use_baseline else []
    plan = make_plan(project, checks, options)
    # The dearest checks stand last in the registry; started first, they do not end alone.
    ran = runner.run(plan.jobs[::-1])
    results = [_judge(one, checks[one.check], known, options) for one in ran] + plan.fixed
    order = list(checks)
    results.sort(key=lambda result: order.index(result.name))
    return decide(results, plan.not_applicable, round(time.perf_counter() - started, 3))


def make_plan(project: Project, checks: Mapping[str, Check], options: Options) -> Plan:
    """Which checks run; a check that the configuration names must run or be an error."""
    config = project.config
    named = options.only or config.checks
    plan = Plan(jobs=[], fixed=[], not_applicable=[])
    for name in named or checks:
        check = checks[name]
        reason = check.not_applicable(project)
        if name in config.skip and name not in options.only:
            plan.fixed.append(CheckResult(name=name, status="skipped", reason=config.skip[name]))
        elif reason and named:
            plan.fixed.append(
                CheckResult(name=name, status="error", reason=f"must run, but {reason}")
            )
        elif reason:
            plan.not_applicable.append(NotApplicable(name=name, reason=reason))
        else:
            plan.jobs.append(_job(project, check, options))
    return plan


def _job(project: Project, check: Check, options: Options) -> Job:
    own = check.options(project).time_limit
    return Job(
        check=check.name,
        time_limit=options.time_limit or own or project.config.time_limit,
        preview=options.preview,
    )


def _judge(ran: Ran, check: Check, known: list[baseline.Known], options: Options) -> CheckResult:
    keys = {one.entry.key for one in known}
    findings = [
        JudgedFinding(**asdict(one), baselined=(one.rule, one.fingerprint) in keys)
        for one in ran.findings
    ]
    if not ran.error and not options.preview:
        findings += _stale(ran, check, known)
    failed = any(finding.fails for finding in findings)
    return CheckResult(
        name=ran.check,
        status="error" if ran.error else "fail" if failed else "pass",
        reason=ran.error,
        seconds=ran.seconds,
        metrics=ran.metrics,
        findings=findings,
        unseen=ran.unseen,
    )


def _stale(ran: Ran, check: Check, known: list[baseline.Known]) -> list[JudgedFinding]:
    found = {(finding.rule, finding.fingerprint) for finding in ran.findings}
    mine = [
        one
        for one in known
        if owns(check, one.entry.rule)
        and one.entry.key not in found
        and not baseline.is_unseen(one.entry.path, ran.unseen)
    ]
    seen: Counter[tuple[str, str]] = Counter()
    stale = []
    for one in mine:
        seen[one.entry.key] += 1
        stale.append(_stale_finding(one, seen[one.entry.key]))
    return stale


def _stale_finding(one: baseline.Known, ordinal: int) -> JudgedFinding:
    entry = one.entry
    where = f" in {entry.path}" if entry.path else ""
    return JudgedFinding(
        rule=STALE_ENTRY.number,
        severity=STALE_ENTRY.severity,
        path=one.file,
        line=one.line,
        column=1,
        end_line=one.line,
        message=f"{entry.rule}{where} is repaired or gone, but the baseline still allows it",
        help=STALE_ENTRY.repair,
        fingerprint=fingerprint(
            STALE_ENTRY.number, one.file, entry.rule, entry.fingerprint, ordinal
        ),
    )
