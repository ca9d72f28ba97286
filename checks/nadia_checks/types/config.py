"""Where the project configures mypy, and whether it says there what to check."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from nadia_checks.core.project import Project

TARGETS = ("files", "packages", "modules")
# A file of mypy's own counts even when it is empty.
OWN_FILES = ("mypy.ini", ".mypy.ini")


@dataclass(frozen=True, slots=True)
class MypyConfig:
    """`file` is relative to the project's root."""

    file: str
    has_targets: bool


def find_config(project: Project) -> MypyConfig | None:
    """The file that mypy would read, in mypy's order, or None."""
    for name in OWN_FILES:
        if (project.root / name).is_file():
            return MypyConfig(name, bool(_targets_of(project.root / name)))
    table = project.pyproject.get("tool", {}).get("mypy")
    if isinstance(table, dict):
        return MypyConfig("pyproject.toml", any(table.get(key) for key in TARGETS))
    targets = _targets_of(project.root / "setup.cfg")
    return None if targets is None else MypyConfig("setup.cfg", bool(targets))


def _targets_of(path: Path) -> list[str] | None:
    """The targets of the section [mypy], None where there is no such section."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(errors="replace"))
        section = parser["mypy"]
    except (OSError, configparser.Error, KeyError):
        return None
    return [section[key] for key in TARGETS if section.get(key)]
