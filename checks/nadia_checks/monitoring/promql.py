"""PromQL: parsed, and walked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import INSTALL
from nadia_checks.monitoring.templates import MARK, candidates, is_templated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promql_parser import Expr

_LOGQL = re.compile(r"\|[=~]|\|\s*(?:json|logfmt|regexp|pattern|unpack|line_format|unwrap)\b")
_SIGNS = re.compile(r"(?:[-+]\s*){50}")
# Characters, and levels, beyond which nobody has written the expression.
LONG = 8000
DEEP = 150
_CHILDREN = ("lhs", "rhs", "expr", "param")
COMPARISONS = frozenset(["==", "!=", "<", ">", "<=", ">="])


class BadExpression(Exception):
    """The text is not PromQL."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric that an expression reads; `name` is "" where only labels choose it."""

    name: str
    labels: tuple[tuple[str, str, str], ...]

    def equals(self, label: str) -> str:
        """The value that a label must have, "" where it may have several."""
        return next((value for name, op, value in self.labels if (name, op) == (label, "=")), "")


def parse(text: str) -> Expr | None:
    """The expression, or None where templates or another language leave nothing to judge.

    Raises:
        BadExpression: it is not PromQL; the message says why.
        CheckError: promql-parser is not installed.
    """
    if find_spec("promql_parser") is None:
        raise CheckError(f"promql-parser is not installed: {INSTALL}")
    import promql_parser

    if is_templated(text):
        return None
    _refuse_monsters(text)
    written = candidates(text)
    problem = ""
    for candidate in written:
        try:
            parsed = promql_parser.parse(candidate)
            return parsed if depth(parsed) <= DEEP else None
        except ValueError as error:
            problem = problem or str(error)
    if len(written) > 1 or _LOGQL.search(text):
        return None
    raise BadExpression(" ".join(problem.split()) or "it is empty")


def _refuse_monsters(text: str) -> None:
    """What would take the parser minutes, or end the process."""
    nesting = 0
    for char in text:
        nesting += (char == "(") - (char == ")")
        if nesting > DEEP:
            raise BadExpression("it is nested too deeply")
    if len(text) > LONG or _SIGNS.search(text):
        raise BadExpression(f"it is longer than {LONG} characters, or full of signs")


def depth(node: Any) -> int:
    """The levels of an expression."""
    levels, level = 0, [node]
    while level:
        levels += 1
        level = [child for one in level for child in children(one)]
    return levels


def kind(node: object) -> str:
    """The name of the node's type: "BinaryExpr", "Call", "VectorSelector", …"""
    return type(node).__name__


def children(node: Any) -> Iterator[Any]:
    """The parts of an expression, in the order in which they are written."""
    if kind(node) == "MatrixSelector":
        yield node.vector_selector
    for name in _CHILDREN:
        if (child := getattr(node, name, None)) is not None:
            yield child
    yield from getattr(node, "args", ())


def walk(node: Any) -> Iterator[Any]:
    yield node
    for child in children(node):
        yield from walk(child)


def operator(node: Any) -> str:
    """The operator of a binary expression or an aggregation; "" for other expressions."""
    return str(node.op) if hasattr(node, "op") else ""


def function(node: Any) -> str:
    """The name of the function that is called; "" for other expressions."""
    return str(node.func.name) if kind(node) == "Call" else ""


def selectors(node: Any) -> list[Selector]:
    """The metrics that the expression reads, without those that a variable names."""
    read = [selector(one) for one in walk(node) if kind(one) == "VectorSelector"]
    return [one for one in read if MARK not in one.name]


def selector(node: Any) -> Selector:
    """A vector selector; a name given as label `__name__` counts as the metric's name."""
    labels = [(one.name, _OPERATORS[str(one.op)], one.value) for one in node.matchers.matchers]
    named = [value for name, op, value in labels if (name, op) == ("__name__", "=")]
    return Selector(node.name or "".join(named[:1]), tuple(labels))


_OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}
