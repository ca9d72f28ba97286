"""What an alert does when a metric is 0: the expression worked out over what is known of it.

Prometheus divides as floating point does: 1/0 is +Inf, 0/0 is NaN. A comparison with NaN is false,
but for `!=`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nadia_checks.monitoring.promql import COMPARISONS, function, kind, operator, selector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# 0 in, 0 out.
KEEPS_ZERO = frozenset(
    [
        *("rate", "irate", "increase", "delta", "idelta"),
        *("deriv", "abs", "ceil", "floor", "round"),
        *("sqrt", "sgn", "sort", "sort_desc", "scalar"),
        *("vector", "label_replace", "label_join", "clamp_max", "sum_over_time"),
        *("avg_over_time", "min_over_time", "max_over_time", "last_over_time"),
    ]
)
SUMS = frozenset(["sum", "avg", "min", "max", "topk", "bottomk"])


@dataclass(frozen=True, slots=True)
class Value:
    """`sure` numbers are what they are; others stand for any positive number."""

    number: float
    sure: bool


SOME = Value(1.0, False)


class Imagined:
    """Works expressions out in a world in which some metrics are 0; None is no result.

    Without `divides_by_zero` a division by 0 gives no result either.
    """

    def __init__(
        self,
        is_zero: Callable[[str], bool],
        recorded: Mapping[str, Any],
        *,
        divides_by_zero: bool = True,
    ) -> None:
        self._is_zero = is_zero
        self._recorded = recorded
        self._divides_by_zero = divides_by_zero
        self._known: dict[str, Value | None] = {}

    def value(self, node: Any) -> Value | None:
        match kind(node):
            case "NumberLiteral":
                return Value(float(node.val), True)
            case "VectorSelector":
                return self._metric(selector(node).name)
            case "MatrixSelector":
                return self.value(node.vector_selector)
            case "ParenExpr" | "SubqueryExpr":
                return self.value(node.expr)
            case "UnaryExpr":
                value = self.value(node.expr)
                return Value(-value.number, value.sure) if value else None
            case "AggregateExpr":
                value = self.value(node.expr)
                return value if value is None or operator(node) in SUMS else SOME
            case "Call":
                return self._called(node)
            case "BinaryExpr":
                return self._binary(node)
        return SOME

    def _metric(self, name: str) -> Value | None:
        if name in self._recorded:
            if name not in self._known:
                self._known[name] = SOME  # what rules that record each other find
                self._known[name] = self.value(self._recorded[name])
            return self._known[name]
        return Value(0.0, True) if self._is_zero(name) else SOME

    def _called(self, node: Any) -> Value | None:
        name = function(node)
        values = [self.value(argument) for argument in node.args]
        first = values[0] if values else SOME
        if name.startswith("absent"):
            return None if first else Value(1.0, True)
        if name == "clamp_min" and first and values[1]:
            sure = first.sure and values[1].sure
            return Value(max(first.number, values[1].number), sure)
        return first if first is None or name in KEEPS_ZERO else SOME

    def _binary(self, node: Any) -> Value | None:
        left, right = self.value(node.lhs), self.value(node.rhs)
        sign = operator(node)
        if sign == "or":
            return left or right
        if sign == "unless":
            return left if right is None or not right.sure else None
        if left is None or right is None:
            return None
        if sign == "and":
            return left
        if sign in COMPARISONS:
            passes = _passes(sign, left, right)
            if node.modifier and node.modifier.return_bool:
                return Value(float(passes), True)
            return left if passes else None
        if sign == "/" and right.number == 0 and not self._divides_by_zero:
            return None
        return _computed(sign, left, right)


def _passes(sign: str, left: Value, right: Value) -> bool:
    """Two numbers of which one may be any positive one are taken to pass."""
    if not (left.sure and right.sure) and all(math.isfinite(one.number) for one in (left, right)):
        return True
    a, b = left.number, right.number
    match sign:
        case "==":
            return a == b
        case "!=":
            return a != b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "<":
            return a < b
    return a <= b


def _computed(sign: str, left: Value, right: Value) -> Value:
    a, b = left.number, right.number
    match sign:
        case "/":
            number = _divided(a, b)
        case "*":
            number = a * b
        case "+":
            number = a + b
        case "-":
            number = a - b
        case _:
            return SOME
    sure = (left.sure and right.sure) or not math.isfinite(number)
    zero = number == 0 and sign in "*/" and 0.0 in [one.number for one in (left, right) if one.sure]
    return Value(number, True) if sure or zero else SOME


def _divided(a: float, b: float) -> float:
    """As floating point hardware, and Prometheus, divide."""
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)
