"""The project that is judged: its folder, its configuration, its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nadia_checks.core import git
from nadia_checks.core.config import Config, parse_config, read_pyproject
from nadia_checks.core.errors import UsageError


@dataclass(frozen=True)
class Project:
    """`root` holds pyproject.toml, or is the root of the repository where there is none.

    `salt` keys the fingerprints of secrets where the project has not written its own yet.
    """

    root: Path
    config: Config
    pyproject: dict[str, Any]
    salt: bytes | None = None

    @property
    def configured(self) -> bool:
        return "nadia" in self.pyproject.get("tool", {})

    @cached_property
    def tracked(self) -> list[str]:
        return git.tracked_files(self.root)

    @cached_property
    def files(self) -> list[str]:
        return git.project_files(self.root)

    @cached_property
    def python_files(self) -> list[str]:
        return [name for name in self.files if name.endswith((".py", ".pyi"))]

    def relative(self, path: str | Path) -> str:
        """The path as findings name it: relative, posix, printable."""
        absolute = os.path.normpath(self.root / path)
        return printable(os.path.relpath(absolute, self.root).replace(os.sep, "/"))

    def tool(self, name: str) -> dict[str, Any]:
        """A table `[tool.NAME]` of pyproject.toml, {} where there is none."""
        table = self.pyproject.get("tool", {}).get(name, {})
        return table if isinstance(table, dict) else {}


def load_project(path: Path, known_checks: list[str]) -> Project:
    """The project around `path`.

    Raises:
        UsageError: there is no such folder, it is in no repository, or its configuration is wrong.
    """
    try:
        folder = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise UsageError(f"{path} does not exist: name a folder of the project") from None
    if not folder.is_dir():
        raise UsageError(f"{path} is not a folder: name the folder of the project")
    root = _find_root(folder, git.toplevel(folder))
    pyproject = read_pyproject(root / "pyproject.toml")
    tool = pyproject.get("tool", {})
    if not isinstance(tool, dict):
        raise UsageError(f"{root / 'pyproject.toml'}: tool must be a table")
    config = parse_config(tool.get("nadia", {}), known_checks)
    for name in config.packages:
        if not (root / name).exists():
            raise UsageError(
                f"pyproject.toml: tool.nadia.packages names {name}, which is not there"
            )
    return Project(root, config, pyproject)


def printable(name: str) -> str:
    """The name on one line: control characters and bytes that are not UTF-8 as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _find_root(folder: Path, top: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if (candidate / "pyproject.toml").is_file() or candidate == top:
            return candidate
    return folder
