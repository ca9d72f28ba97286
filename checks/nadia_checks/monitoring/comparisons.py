"""The bounds that an expression puts on metrics: `metric / 1024 > 200` bounds it at 204800."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nadia_checks.monitoring.promql import COMPARISONS, function, kind, operator, selector, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

# What leaves the unit of its argument as it is.
SAME_UNIT = frozenset(
    [
        *("abs", "ceil", "floor", "round", "sort"),
        *("sort_desc", "scalar", "label_replace", "label_join", "avg_over_time"),
        *("min_over_time", "max_over_time", "last_over_time", "quantile_over_time"),
    ]
)
SAME_UNIT_AGGREGATIONS = frozenset(["sum", "avg", "min", "max", "topk", "bottomk", "quantile"])
MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric, in its own unit, compared with a number."""

    metric: str
    operator: str
    value: float


def bounds(expression: Any) -> Iterator[Bound]:
    """Every comparison of one metric with a number, wherever it stands."""
    for node in walk(expression):
        if operator(node) in COMPARISONS:
            left, right = constant(node.lhs), constant(node.rhs)
            if right is not None:
                yield from _solved(node.lhs, operator(node), right)
            elif left is not None:
                mirrored = MIRRORED.get(operator(node), operator(node))
                yield from _solved(node.rhs, mirrored, left)


def constant(node: Any) -> float | None:
    """The number that an expression without metrics gives, None where it needs metrics."""
    match kind(node):
        case "NumberLiteral":
            return float(node.val)
        case "ParenExpr":
            return constant(node.expr)
        case "UnaryExpr":
            value = constant(node.expr)
            return None if value is None else -value
        case "BinaryExpr":
            return _computed(operator(node), constant(node.lhs), constant(node.rhs))
    return None


def _computed(sign: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        match sign:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "^":
                return float(left**right)
    except (ArithmeticError, TypeError):
        return None
    return None


def _solved(node: Any, sign: str, value: float) -> Iterator[Bound]:
    """Moves what is done to the metric over to the number."""
    match kind(node):
        case "ParenExpr":
            yield from _solved(node.expr, sign, value)
        case "VectorSelector":
            yield Bound(selector(node).name, sign, value)
        case "MatrixSelector":
            yield from _solved(node.vector_selector, sign, value)
        case "SubqueryExpr":
            yield from _solved(node.expr, sign, value)
        case "Call" if function(node) in SAME_UNIT:
            yield from _solved(node.args[-1 if "quantile" in function(node) else 0], sign, value)
        case "AggregateExpr" if operator(node) in SAME_UNIT_AGGREGATIONS:
            yield from _solved(node.expr, sign, value)
        case "BinaryExpr":
            yield from _moved_over(node, sign, value)


def _moved_over(node: Any, sign: str, value: float) -> Iterator[Bound]:
    left, right = constant(node.lhs), constant(node.rhs)
    inverse = {"+": "-", "-": "+", "*": "/", "/": "*"}.get(operator(node), "")
    if right is not None and inverse:
        moved = _computed(inverse, value, right)
        turned = operator(node) in "*/" and right < 0
    elif left is not None and operator(node) in ("+", "*"):
        moved = _computed(inverse, value, left)
        turned = operator(node) == "*" and left < 0
    elif left is not None and operator(node) == "-":
        moved, turned = left - value, True
    else:
        return
    if moved is not None:
        rest = node.lhs if right is not None else node.rhs
        yield from _solved(rest, MIRRORED.get(sign, sign) if turned else sign, moved)
