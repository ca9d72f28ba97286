"""Constants of the project's code, worked out from its text: nothing is imported."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nadia_checks.monitoring.code import Code

# A chain of names longer than this goes round in a circle.
DEEP = 25
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: lambda left, right: int(left) << min(int(right), 64),
}


class Unknown(Exception):
    """The value cannot be told from the text; the message says at what it ends."""


class Constants:
    """Gives numbers and texts that modules assign to names."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def named(self, reference: str) -> float | str:
        """The value of "package.module:NAME" or "package.module:Class.NAME".

        Raises:
            Unknown: there is no such module or name, or its value cannot be told.
        """
        module, _, name = reference.partition(":")
        path = self._code.module_file(module)
        if not path or path not in self._code.trees:
            raise Unknown(f"there is no module {module} in the project")
        body: Iterable[ast.stmt] = self._code.trees[path].body
        *classes, last = name.split(".")
        for one in classes:
            body = _class_body(body, one, reference)
        return self._in_body(path, body, last, 0)

    def value(self, path: str, node: ast.expr, depth: int = 0) -> float | str:
        """The value of an expression of the module `path`.

        Raises:
            Unknown: it is not made of constants alone.
        """
        if depth > DEEP:
            raise Unknown("names that are defined by each other")
        match node:
            case ast.Constant(value=bool() | None):
                pass
            case ast.Constant(value=int() | float() | str() as value):
                return value
            case ast.Name(id=name):
                return self._in_body(path, self._code.trees[path].body, name, depth + 1)
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                return self._of_module(path, module, name, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(path, operand, depth + 1)
            case ast.BinOp(left=left, op=operation, right=right):
                return self._computed(path, left, operation, right, depth + 1)
        raise Unknown(f"{ast.unparse(node)[:60]} is not a constant")

    def _computed(
        self, path: str, left: ast.expr, operation: ast.operator, right: ast.expr, depth: int
    ) -> float | str:
        first, second = self.value(path, left, depth), self.value(path, right, depth)
        if isinstance(operation, ast.Add) and isinstance(first, str) and isinstance(second, str):
            return first + second
        compute = _ARITHMETIC.get(type(operation))
        if compute is None or isinstance(first, str) or isinstance(second, str):
            raise Unknown(f"{type(operation).__name__} is not worked out")
        try:
            return compute(first, second)
        except (ArithmeticError, ValueError) as error:
            raise Unknown(str(error)) from None

    def _number(self, path: str, node: ast.expr, depth: int) -> float:
        value = self.value(path, node, depth)
        if isinstance(value, str):
            raise Unknown(f"{value!r} is not a number")
        return value

    def _in_body(self, path: str, body: Iterable[ast.stmt], name: str, depth: int) -> float | str:
        assigned: ast.expr | None = None
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=one)], value=value) if one == name:
                    assigned = value
                case ast.AnnAssign(target=ast.Name(id=one), value=ast.expr() as value) if (
                    one == name
                ):
                    assigned = value
                case ast.ImportFrom(names=names) if imported := _imported(names, name):
                    return self._from_import(path, statement, imported, depth)
        if assigned is None:
            raise Unknown(f"{path} gives {name} no value")
        return self.value(path, assigned, depth)

    def _from_import(
        self, path: str, statement: ast.ImportFrom, name: str, depth: int
    ) -> float | str:
        if depth > DEEP:
            raise Unknown("names that are imported from each other")
        module = statement.module or ""
        if statement.level:
            parts = path.split("/")[: -statement.level]
            module = ".".join([*parts, *([module] if module else [])])
        file = self._code.module_file(module, path)
        if file not in self._code.trees:
            raise Unknown(f"{module} is not a module of the project")
        return self._in_body(file, self._code.trees[file].body, name, depth + 1)

    def _of_module(self, path: str, module: str, name: str, depth: int) -> float | str:
        """`module` is a name that an import of the file gives."""
        for statement in self._code.trees[path].body:
            if isinstance(statement, ast.ImportFrom) and (
                one := _imported(statement.names, module)
            ):
                full = f"{statement.module or ''}.{one}".strip(".")
            elif isinstance(statement, ast.Import) and (one := _imported(statement.names, module)):
                full = one
            else:
                continue
            file = self._code.module_file(full, path)
            if file in self._code.trees:
                return self._in_body(file, self._code.trees[file].body, name, depth + 1)
        raise Unknown(f"{module}.{name} is not a constant of the project")


def _imported(names: list[ast.alias], wanted: str) -> str:
    """What is imported under the name, "" where nothing is."""
    return next((one.name for one in names if (one.asname or one.name) == wanted), "")


def _class_body(body: Iterable[ast.stmt], name: str, reference: str) -> list[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return statement.body
    raise Unknown(f"{reference}: there is no class {name}")
