"""The project's own Python code, read and never run."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nadia_checks.core.globs import matcher
from nadia_checks.monitoring.files import read_text

if TYPE_CHECKING:
    from nadia_checks.core.project import Project

IS_TEST = matcher(["**/tests/**", "**/test/**", "**/test_*.py", "**/*_test.py", "**/conftest.py"])
OTHER_LANGUAGES = (".go", ".js", ".mjs", ".ts", ".rs", ".java", ".kt", ".rb", ".php", ".c", ".cpp")


class Code:
    """Modules outside of the tests, by path; a file that is not Python counts as empty."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        names = [name for name in self._project.python_files if not IS_TEST(name)]
        return {name: _parse(read_text(self._project, name)) for name in names}

    @cached_property
    def nodes(self) -> dict[str, list[ast.AST]]:
        """All nodes of each module."""
        return {name: list(ast.walk(tree)) for name, tree in self.trees.items()}

    @cached_property
    def strings(self) -> set[str]:
        """Every text that stands in the code."""
        return {
            node.value
            for nodes in self.nodes.values()
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }

    @cached_property
    def foreign_words(self) -> set[str]:
        """The words of the project's code in other languages."""
        names = [name for name in self._project.files if name.endswith(OTHER_LANGUAGES)]
        return {
            word
            for name in names
            if not IS_TEST(name)
            for word in re.findall(r"\w{3,}", read_text(self._project, name))
        }

    def module_file(self, module: str, importer: str = "") -> str:
        """The file of a module of the project, "" where it has none; packages give `__init__`."""
        tail = module.replace(".", "/")
        wanted = {f"{tail}.py", f"{tail}/__init__.py"}
        found = [name for name in self._files if _below_a_root(name, wanted)]
        near = PurePosixPath(importer).parts[:1]
        found.sort(key=lambda name: (PurePosixPath(name).parts[:1] != near, len(name), name))
        return found[0] if found else ""

    @cached_property
    def _files(self) -> list[str]:
        return [name for name in self._project.python_files if name.endswith(".py")]

    def runs(self, module: str) -> bool:
        """Whether `python -m module` has something to run."""
        tail = module.replace(".", "/")
        wanted = {f"{tail}.py", f"{tail}/__main__.py"}
        return any(_below_a_root(name, wanted) for name in self._files)

    @cached_property
    def top_level(self) -> set[str]:
        """The packages and modules that `import` finds from one of the project's folders."""
        paths = [PurePosixPath(name) for name in self._files]
        packages = {path.parent for path in paths if path.name == "__init__.py"}
        found = {path.name for path in packages if path.parent not in packages}
        for path in paths:
            if path.parent not in packages:
                parts = path.parts[path.parts[0] == "src" :]
                found |= {path.stem, parts[0].removesuffix(".py")}
        return found


def _below_a_root(name: str, wanted: set[str]) -> bool:
    """Whether a file is one of `wanted`, at the top or below any folder."""
    return any(name == one or name.endswith(f"/{one}") for one in wanted)


def _parse(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])
