"""NAD806: an alert that says nothing when what it watches is gone altogether."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nadia_checks.core.check import Draft
from nadia_checks.monitoring.comparisons import MIRRORED, constant
from nadia_checks.monitoring.promql import (
    COMPARISONS,
    Selector,
    function,
    kind,
    operator,
    selectors,
    walk,
)
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.evidence import Evidence
    from nadia_checks.monitoring.expressions import Expression

RULE = Rule(
    number="NAD806",
    name="silent-when-gone",
    severity=Severity.ERROR,
    what="An alert for 'it is down' cannot fire when the metric itself is gone.",
    why=(
        "A program that died exports nothing. A comparison with a metric that does not exist gives "
        "nothing, so the alert stays silent exactly when it is needed."
    ),
    repair="add an alert on absent(METRIC), or on up == 0 of the job",
    bad="expr: companion_up == 0",
    good="expr: companion_up == 0 or absent(companion_up)",
)
_DOWN = {("==", 0.0), ("<=", 0.0), ("<", 1.0), ("!=", 1.0)}
_NEVER = {("==", 0.0), ("<=", 0.0), ("<", 1.0), ("<", 0.0)}
_COUNTS = ("count", "count_over_time", "group")
_STATES = ("_up", "_success")


@dataclass(frozen=True, slots=True)
class Watch:
    """What says that a metric is gone: absent() of selectors, or comparisons of `up`."""

    absent: list[Selector]
    up: list[Selector]

    def covers(self, wanted: Selector) -> bool:
        if any(_same_source(one, wanted) for one in self.absent):
            return True
        return any(_same_job(one, wanted) for one in self.up)


def find(evidence: Evidence) -> Iterator[Draft]:
    alerts = [alert for alert in evidence.sources.alerts if alert.parsed]
    watch = _watch(alerts)
    for alert in alerts:
        for compared, sign, number in _comparisons(alert.parsed):
            yield from _judge(evidence, alert, watch, compared, (sign, number))


def _judge(
    evidence: Evidence, alert: Expression, watch: Watch, compared: Any, bound: tuple[str, float]
) -> Iterator[Draft]:
    gone = [one for one in _vanishing(compared) if one.name != "up" and not watch.covers(one)]
    if bound in _NEVER and (operator(compared) or function(compared)) in _COUNTS and gone:
        yield _never(alert, gone[0])
    elif bound in _DOWN:
        for one in gone[:1]:
            if evidence.exports.has(one.name) or one.name.endswith(_STATES):
                yield _silent(alert, one)


def _comparisons(node: Any) -> Iterator[tuple[Any, str, float]]:
    """The comparisons with a number by which the alert fires; not those that only narrow it."""
    match kind(node):
        case "ParenExpr":
            yield from _comparisons(node.expr)
        case "AggregateExpr":
            yield from _comparisons(node.expr)
        case "BinaryExpr" if operator(node) == "or":
            yield from _comparisons(node.lhs)
            yield from _comparisons(node.rhs)
        case "BinaryExpr" if operator(node) in ("and", "unless"):
            yield from _comparisons(node.lhs)
        case "BinaryExpr" if operator(node) in COMPARISONS:
            sign = operator(node)
            if (number := constant(node.rhs)) is not None:
                yield _bare(node.lhs), sign, number
            elif (number := constant(node.lhs)) is not None:
                yield _bare(node.rhs), MIRRORED.get(sign, sign), number


def _bare(node: Any) -> Any:
    while kind(node) == "ParenExpr":
        node = node.expr
    return node


def _vanishing(node: Any) -> list[Selector]:
    """The metrics without which the expression has no result; none where `or` gives another."""
    parts = list(walk(node))
    if any(operator(one) == "or" or function(one) in ("absent", "vector", "time") for one in parts):
        return []
    if any(operator(one) == "/" for one in parts):
        return []
    return [one for one in selectors(node) if one.name]


def _watch(alerts: list[Expression]) -> Watch:
    nodes = [node for alert in alerts for node in walk(alert.parsed)]
    absent = [
        one for node in nodes if function(node).startswith("absent") for one in selectors(node)
    ]
    up = [one for alert in alerts for one in alert.selectors if one.name == "up"]
    return Watch(absent, [one for one in up if not one.equals("instance")])


def _same_source(absent: Selector, wanted: Selector) -> bool:
    """Metrics whose names begin with one word come from one program."""
    if absent.equals("job") and absent.equals("job") == wanted.equals("job"):
        return True
    if absent.name == "up":
        return _same_job(absent, wanted)
    return bool(absent.name) and _first_word(absent.name) == _first_word(wanted.name)


def _same_job(up: Selector, wanted: Selector) -> bool:
    jobs = [(op, value) for name, op, value in up.labels if name == "job"]
    if not jobs:
        return True
    own = wanted.equals("job")
    return all(_fits(op, value, own, wanted.name) for op, value in jobs)


def _fits(op: str, value: str, job: str, metric: str) -> bool:
    if op.startswith("!"):
        return not _matches(value, job or _first_word(metric))
    return _matches(value, job) if job else _first_word(metric) in re.split(r"\W|_", value)


def _matches(pattern: str, job: str) -> bool:
    try:
        return re.fullmatch(pattern, job) is not None
    except re.error:
        return True


def _first_word(name: str) -> str:
    return re.split(r"[_:]", name)[0]


def _silent(alert: Expression, gone: Selector) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=RULE.severity,
        path=alert.path,
        line=alert.line_of(gone.name),
        message=f"{alert.name} is silent when {gone.name} is gone with the program that exports it",
        help=f"add 'or absent({gone.name})', or an alert on up == 0 of its job",
        content=f"{alert.name} {gone.name}",
    )


def _never(alert: Expression, gone: Selector) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=RULE.severity,
        path=alert.path,
        line=alert.line_of(gone.name),
        message=f"{alert.name} can never fire: the count of nothing is no result, and not 0",
        help=f"write absent({gone.name}), or add 'or vector(0)' to what is compared",
        content=f"{alert.name} count {gone.name}",
    )
