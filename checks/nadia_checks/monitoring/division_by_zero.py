"""NAD805: an alert that fires because it divides by 0."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nadia_checks.core.check import Draft
from nadia_checks.monitoring.promql import function, kind, operator, selector, walk
from nadia_checks.monitoring.zero_division import Imagined
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nadia_checks.monitoring.evidence import Evidence
    from nadia_checks.monitoring.expressions import Expression

RULE = Rule(
    number="NAD805",
    name="division-by-zero",
    severity=Severity.ERROR,
    what="An alert divides by a metric that can be 0, and fires then.",
    why=(
        "Prometheus answers +Inf, or NaN, which is above every threshold or equal to none: the "
        "alert fires for a healthy system. redis_memory_max_bytes is 0 wherever no limit is set."
    ),
    repair="let the alert require that the divisor is above 0",
    bad="expr: redis_memory_used_bytes / redis_memory_max_bytes > 0.9",
    good=(
        "expr: >\n"
        "  redis_memory_used_bytes / redis_memory_max_bytes > 0.9\n"
        "  and redis_memory_max_bytes > 0"
    ),
)

# Known to be 0 on healthy systems: no limit is set, no swap, nothing there yet.
ZERO_WITHOUT_LIMIT = frozenset(
    [
        "redis_memory_max_bytes",
        "redis_config_maxmemory",
        "redis_config_maxclients",
        "container_spec_memory_limit_bytes",
        "container_spec_memory_swap_limit_bytes",
        "container_spec_cpu_quota",
        "node_memory_SwapTotal_bytes",
        "memcached_limit_bytes",
        "rabbitmq_queue_messages",
        "pgbouncer_databases_pool_size",
        "process_virtual_memory_max_bytes",
    ]
)
RATES = frozenset(["rate", "irate", "increase", "delta", "idelta"])
_OWN_LIMIT = re.compile(r"_(?:max|limit|quota|capacity)(?:_|$)")
_FAMILY = re.compile(r"_(?:sum|count|bucket)$")


def find(evidence: Evidence) -> Iterator[Draft]:
    recorded = {
        one.name.removeprefix("rule "): one.parsed
        for one in evidence.sources.records
        if one.parsed is not None
    }
    for alert in evidence.sources.alerts:
        if alert.parsed:
            divisors = dict(_divisors(alert.parsed, recorded))
            for name, is_rate in divisors.items():
                if fires_at_zero(alert.parsed, name, recorded):
                    yield from _judge(evidence, alert, name, is_rate)


def fires_at_zero(expression: Any, name: str, recorded: Mapping[str, Any]) -> bool:
    """Whether an alert fires when a metric is 0, and would not without a division by it."""
    family = _FAMILY.sub("", name)

    def is_zero(other: str) -> bool:
        return _FAMILY.sub("", other) == family

    world = Imagined(is_zero, recorded)
    without = Imagined(is_zero, recorded, divides_by_zero=False)
    return any(
        world.value(one) is not None and without.value(one) is None for one in _branches(expression)
    )


def _branches(node: Any) -> Iterator[Any]:
    """What fires by itself: each side of an `or`."""
    while kind(node) == "ParenExpr":
        node = node.expr
    if operator(node) == "or":
        yield from _branches(node.lhs)
        yield from _branches(node.rhs)
    else:
        yield node


def _divisors(expression: Any, recorded: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The metrics below each division line, and whether their rate is what divides."""
    expanded: set[str] = set()
    waiting = [expression]
    while waiting:
        for one in walk(waiting.pop()):
            if operator(one) == "/" and kind(one) == "BinaryExpr":
                yield from _metrics(one.rhs, recorded)
            elif (name := _name(one)) in recorded and name not in expanded:
                expanded.add(name)
                waiting.append(recorded[name])


def _metrics(divisor: Any, recorded: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    expanded: set[tuple[str, bool]] = set()
    waiting = [(divisor, False)]
    while waiting:
        node, is_rate = waiting.pop()
        for one in walk(node):
            if name := _name(one):
                key = (name, is_rate or _is_below_rate(node, one))
                if name not in recorded:
                    yield key
                elif key not in expanded:
                    expanded.add(key)
                    waiting.append((recorded[name], key[1]))


def _name(node: Any) -> str:
    return selector(node).name if kind(node) == "VectorSelector" else ""


def _is_below_rate(node: Any, wanted: Any) -> bool:
    calls = [one for one in walk(node) if function(one) in RATES]
    return any(one == wanted or str(one) == str(wanted) for call in calls for one in walk(call))


def _judge(evidence: Evidence, alert: Expression, name: str, is_rate: bool) -> Iterator[Draft]:
    own_limit = evidence.exports.has(name) and _OWN_LIMIT.search(name)
    if name in ZERO_WITHOUT_LIMIT:
        yield _draft(alert, name, name, "is 0 where no limit is set", Severity.ERROR)
    elif is_rate:
        rate = f"rate({name}[5m])"
        yield _draft(alert, name, rate, "is 0 in quiet times", Severity.WARNING)
    elif own_limit:
        yield _draft(alert, name, name, "is 0 if 0 means no limit", Severity.WARNING)


def _draft(alert: Expression, name: str, divisor: str, when: str, severity: Severity) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=severity,
        path=alert.path,
        line=alert.line_of(name),
        message=f"{alert.name} fires when it divides by {divisor}, which {when}",
        help=f"add 'and {divisor} > 0', or what says that there is something to divide by",
        content=f"{alert.name} {name}",
    )
