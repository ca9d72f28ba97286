"""NAD802: a monitoring file that Prometheus or Grafana would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.project import printable
from nadia_checks.monitoring import promtool
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.evidence import Evidence
    from nadia_checks.monitoring.sources import Problem

RULE = Rule(
    number="NAD802",
    name="broken-monitoring-file",
    severity=Severity.ERROR,
    what="A rule file or a dashboard is not valid YAML, JSON or PromQL, or its own tests fail.",
    why=(
        "Prometheus refuses a whole rule file for one wrong expression and goes on with the rules "
        "of yesterday; after a restart there is no alert at all."
    ),
    repair="correct the line that the finding names",
    bad="expr: sum(rate(companion_sent_total[5m]) > 100",
    good="expr: sum(rate(companion_sent_total[5m])) > 100",
)


def find(evidence: Evidence) -> Iterator[Draft]:
    """Raises:
    CheckError: promtool is there and takes too long.
    """
    sources = evidence.sources
    for problem in sources.problems:
        yield _draft(problem)
    broken = {problem.file.name for problem in sources.problems}
    for problem in promtool.problems(evidence.project, sources.files, broken):
        yield _draft(problem)


def _draft(problem: Problem) -> Draft:
    name = printable(problem.file.name)
    return Draft(
        rule=RULE.number,
        severity=RULE.severity,
        path=name,
        line=problem.line,
        message=f"{name} {problem.what}",
        help="correct it: Prometheus and Grafana refuse such a file",
        content=problem.what,
    )
