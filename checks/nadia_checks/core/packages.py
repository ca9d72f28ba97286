"""Where the project's own code is: its packages and modules, without tests and tools."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nadia_checks.core.project import Project

NOT_PACKAGES = frozenset(
    [
        "test",
        "tests",
        "testing",
        "doc",
        "docs",
        "example",
        "examples",
        "script",
        "scripts",
        "benchmark",
        "benchmarks",
        "build",
        "dist",
    ]
)
NOT_MODULES = frozenset(["setup", "conftest", "noxfile", "fabfile", "tasks", "versioneer"])


def find_packages(project: Project) -> list[str]:
    """The project's packages (folders) and single modules (files), relative and posix, sorted.

    Those of the configuration, or those found at the top level and in `src`. Folders without
    `__init__.py` count in `src`, and elsewhere where no folder is an ordinary package.

    Raises:
        UsageError: a configured package does not exist.
    """
    if project.config.packages:
        return [_existing(project, name) for name in project.config.packages]
    files = [PurePosixPath(name) for name in project.files if name.endswith(".py")]
    in_src = [path for path in files if len(path.parts) > 1 and path.parts[0] == "src"]
    at_top = [path for path in files if path not in set(in_src)]
    found = _modules(at_top, 0) | _ordinary(at_top, 0) | _modules(in_src, 1) | _folders(in_src, 1)
    return sorted(found or _folders(at_top, 0))


def _existing(project: Project, name: str) -> str:
    if not (project.root / name).exists():
        raise UsageError(
            f"pyproject.toml: tool.nadia.packages names {name!r}, which does not exist: "
            "correct the path or remove it"
        )
    return PurePosixPath(name).as_posix()


def _modules(files: Iterable[PurePosixPath], depth: int) -> set[str]:
    """Modules that stand alone at this depth."""
    return {str(path) for path in files if len(path.parts) == depth + 1 and _is_module(path)}


def _ordinary(files: Iterable[PurePosixPath], depth: int) -> set[str]:
    return {
        str(path.parent)
        for path in files
        if len(path.parts) == depth + 2
        and path.name == "__init__.py"
        and _is_package_name(path.parts[depth])
    }


def _folders(files: Iterable[PurePosixPath], depth: int) -> set[str]:
    """Folders at this depth that hold a module, however deep."""
    return {
        str(PurePosixPath(*path.parts[: depth + 1]))
        for path in files
        if len(path.parts) > depth + 1
        and _is_package_name(path.parts[depth])
        and (_is_module(path) or path.name == "__init__.py")
    }


def _is_package_name(name: str) -> bool:
    return name.isidentifier() and name not in NOT_PACKAGES


def _is_module(path: PurePosixPath) -> bool:
    name = path.stem
    return (
        name.isidentifier()
        and name not in NOT_MODULES
        and name != "__init__"
        and not name.startswith("test_")
        and not name.endswith("_test")
    )
