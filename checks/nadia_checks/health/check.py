"""The check `health`: the project's health check notices the faults that are put before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft, Outcome
from nadia_checks.core.errors import CheckError
from nadia_checks.health.excepted import without_excepted
from nadia_checks.health.matrix_rules import BY_OUTCOME, RULES
from nadia_checks.health.running import make_job, run_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import HealthOptions
    from nadia_checks.core.project import Project
    from nadia_checks.health.job import Result, RowResult
    from pytest_nadia.finding import Finding


class HealthCheck:
    name = "health"
    summary = "the project's health check notices the faults that are put before it"
    rules = tuple(rule.number for rule in RULES)

    def options(self, project: Project) -> HealthOptions:
        return project.config.health

    def not_applicable(self, project: Project) -> str:
        return "" if project.config.health.check else "no health check is configured"

    def run(self, context: Context) -> Outcome:
        """Raises:
        CheckError: the check is red without a fault, or no fault could be put in.
        """
        project = context.project
        result = run_job(make_job(project), project.root, context.scratch, context.time_limit)
        if result.problem:
            raise CheckError(result.problem)
        require_tested(result)
        wrong = without_excepted(result.rows, project.config.health.except_)
        drafts = [_draft(row, result, project) for row in wrong]
        return Outcome(drafts=drafts, metrics=_metrics(result))

    def first_aid(self, findings: Sequence[Finding]) -> str:
        return "nadia health"


def require_tested(result: Result) -> None:
    """Raises:
    CheckError: a fault never fired, or none was applicable, so that nothing is known.
    """
    for row in result.rows:
        if row.outcome == "invalid":
            raise CheckError(f"{row.fault}: {row.detail}")
    if not result.score.applicable:
        raise CheckError(
            "the health check touches nothing that a fault could be put into: does it read Redis "
            "by the variables in [tool.nadia.redis] env, and did it run at all?"
        )


def _draft(row: RowResult, result: Result, project: Project) -> Draft:
    rule = BY_OUTCOME[row.outcome]
    return Draft(
        rule=rule.number,
        message=f"{row.fault}: {row.outcome}: {row.detail}",
        help=rule.repair,
        path=project.relative(result.path) if result.path else "pyproject.toml",
        line=result.line,
        content=f"{row.fault} {row.outcome}",
    )


def _metrics(result: Result) -> dict[str, float]:
    score = result.score
    return {
        "faults": score.applicable,
        "noticed": score.noticed,
        "missed": score.missed,
        "hung": score.hung,
        "crashed": score.crashed,
        "false_alarms": score.false_alarms,
    }
