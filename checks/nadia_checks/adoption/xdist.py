"""Whether the project itself runs its tests with pytest-xdist.

Tests that were never run in parallel often cannot be: they share a file, a port or a database.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nadia_checks.pytest.command import added_options

if TYPE_CHECKING:
    from pathlib import Path

    from nadia_checks.core.project import Project

DEPENDENCIES = re.compile(
    r"(pyproject\.toml|setup\.(cfg|py)|tox\.ini|Pipfile|environment\.ya?ml"
    r"|[\w.-]*requirements[\w.-]*\.(txt|in)|requirements/[\w.-]+\.(txt|in))"
)
NAMED = re.compile(r"^[^#\n]*\bpytest[-_.]xdist\b", re.MULTILINE | re.IGNORECASE)
OPTION = re.compile(r"-n(\d+|auto|logical)?|--numprocesses(=.*)?|--dist(=.*)?")


def uses_xdist(project: Project) -> bool:
    """Whether the options of every test run, or the project's dependencies, name it."""
    return any(map(OPTION.fullmatch, added_options(project.root))) or any(
        NAMED.search(_text(project.root / name))
        for name in project.files
        if DEPENDENCIES.fullmatch(name)
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
