"""NAD804: an alert whose threshold differs from the health configuration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.errors import CheckError
from nadia_checks.monitoring.comparisons import Bound, bounds
from nadia_checks.monitoring.constants import Constants, Unknown
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.evidence import Evidence
    from nadia_checks.monitoring.expressions import Expression

RULE = Rule(
    number="NAD804",
    name="threshold-drift",
    severity=Severity.ERROR,
    what="An alert compares a metric with another number than the code does.",
    why=(
        "The health check and the alert then disagree: one of them is silent about what the other "
        "calls unhealthy, and nobody knows which of the numbers is meant."
    ),
    repair="write the number that the code uses into the alert, or change both",
    bad="expr: companion_review_queue > 500  # the code's limit is 50",
    good="expr: companion_review_queue > 50",
)
TABLE = "thresholds of [tool.nadia.monitoring]"


def find(evidence: Evidence) -> Iterator[Draft]:
    """Raises:
    CheckError: a configured threshold names a constant that cannot be found.
    """
    for metric, wanted in evidence.options.thresholds.items():
        allowed = [_number(evidence, one) for one in _as_list(wanted)]
        compared = [
            (alert, bound)
            for alert in evidence.sources.alerts
            if alert.parsed
            for bound in bounds(alert.parsed)
            if bound.metric == metric
        ]
        if not compared:
            yield _never_compared(metric)
        for alert, bound in compared:
            if not any(math.isclose(bound.value, one, rel_tol=1e-9) for one in allowed):
                yield _drift(alert, bound, allowed)


def _as_list(wanted: float | str | list[float | str]) -> list[float | str]:
    return wanted if isinstance(wanted, list) else [wanted]


def _number(evidence: Evidence, wanted: float | str) -> float:
    if not isinstance(wanted, str):
        return wanted
    try:
        value = Constants(evidence.code).named(wanted)
    except Unknown as error:
        raise CheckError(f"{TABLE} names {wanted!r}: {error}") from None
    if isinstance(value, str):
        raise CheckError(f"{TABLE} names {wanted!r}, which is the text {value!r} and no number")
    return value


def _drift(alert: Expression, bound: Bound, allowed: list[float]) -> Draft:
    numbers = " or ".join(f"{one:.12g}" for one in allowed)
    return Draft(
        rule=RULE.number,
        severity=RULE.severity,
        path=alert.path,
        line=alert.line_of(bound.metric),
        message=f"{alert.name} compares {bound.metric} with {bound.value:.12g}, "
        f"the health configuration with {numbers}",
        help=f"let the alert and {TABLE} mean the same number",
        content=f"{alert.name} {bound.metric} {bound.value:.12g}",
    )


def _never_compared(metric: str) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=RULE.severity,
        path="pyproject.toml",
        message=f"no alert compares {metric} with a number, though {TABLE} names it",
        help="write the alert, or correct the metric's name",
        content=metric,
    )
