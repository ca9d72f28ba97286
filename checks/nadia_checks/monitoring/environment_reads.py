"""Environment variables that the project's Python code reads, found in its text."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from nadia_checks.monitoring.constants import Constants, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.code import Code


class Use(Enum):
    """How a variable is used: what is needed ends in a KeyError where it is not set."""

    NEEDED = "needed"
    ASKED_FOR = "asked for without a default"
    OPTIONAL = "optional"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Read:
    name: str
    use: Use
    path: str
    line: int


def reads(code: Code) -> list[Read]:
    """Every use of a variable in `os.environ` or by `os.getenv`, outside of the tests."""
    constants = Constants(code)
    found = []
    for path, nodes in code.nodes.items():
        defaulted = set(_with_default(nodes))
        for node in nodes:
            for use, name in _uses(node, defaulted):
                if text := _text(constants, path, name):
                    found.append(Read(text, use, path, getattr(node, "lineno", 0)))
    return found


def _with_default(nodes: list[ast.AST]) -> Iterator[int]:
    """What stands before an `or`: `os.getenv("X") or "default"`."""
    for node in nodes:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            yield from map(id, node.values[:-1])


def _uses(node: ast.AST, defaulted: set[int]) -> Iterator[tuple[Use, ast.expr]]:
    match node:
        case ast.Subscript(value=value, slice=name, ctx=context) if _is_environ(value):
            yield Use.NEEDED if isinstance(context, ast.Load) else Use.SET, name
        case ast.Compare(left=name, ops=[ast.In() | ast.NotIn()], comparators=[right]) if (
            _is_environ(right)
        ):
            yield Use.OPTIONAL, name
        case ast.Call(func=function, args=[name, *more], keywords=keywords):
            if _is_setdefault(function):
                yield Use.SET, name
            elif _is_get(function):
                bare = not more and not keywords and id(node) not in defaulted
                yield Use.ASKED_FOR if bare else Use.OPTIONAL, name


def _is_environ(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ") | ast.Name(id="environ"):
            return True
    return False


def _is_get(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=owner, attr="get" | "pop"):
            return _is_environ(owner)
        case ast.Attribute(value=ast.Name(id="os"), attr="getenv") | ast.Name(id="getenv"):
            return True
    return False


def _is_setdefault(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=owner, attr="setdefault"):
            return _is_environ(owner)
    return False


def _text(constants: Constants, path: str, node: ast.expr) -> str:
    try:
        value = constants.value(path, node)
    except Unknown:
        return ""
    return value if isinstance(value, str) else ""
