"""Bandit, started on a project's files in as many processes as there are cores."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import python_module, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nadia_checks.core.check import Context
    from nadia_checks.core.project import Project

# Below this many files another process costs more than it saves.
FEW = 60
# Of file names on one command line; Linux allows 2 MiB with the environment, macOS 1 MiB.
MOST_BYTES = 100_000


class Issue(msgspec.Struct):
    """One result; `col_offset` counts from 0."""

    filename: str
    test_id: str
    issue_severity: str
    issue_text: str
    line_number: int
    col_offset: int = -1
    line_range: list[int] = []
    more_info: str = ""


class Unparsable(msgspec.Struct):
    filename: str
    reason: str


class Report(msgspec.Struct):
    results: list[Issue]
    errors: list[Unparsable]
    metrics: dict[str, dict[str, Any]]

    @property
    def file_count(self) -> int:
        return len(self.metrics.keys() - {"_totals"})


def scan(context: Context) -> list[Report]:
    """One report a process, on all of the project's Python files that are not links."""
    project = context.project
    names = [name for name in project.python_files if not (project.root / name).is_symlink()]
    settings = _settings(project)
    chunks = list(_chunks(names, project.root))
    reports = [context.scratch / f"bandit-{number}.json" for number in range(len(chunks))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(
            pool.map(lambda pair: _run(project, settings, *pair), zip(chunks, reports, strict=True))
        )


def _run(project: Project, settings: list[str], names: list[str], report: Path) -> Report:
    targets = [f"./{name}" for name in names]
    argv = python_module("bandit", "-q", "-f", "json", "-o", os.fspath(report), *settings, *targets)
    done = run_program(argv, cwd=project.root)
    try:
        if done.returncode in (0, 1):
            return msgspec.convert(json.loads(report.read_bytes()), Report)
    except (OSError, ValueError):
        pass
    raise CheckError(f"bandit failed: {done.last_line}")


def _settings(project: Project) -> list[str]:
    """The project's own; bandit itself looks for them only when it walks folders."""
    settings = ["-c", "pyproject.toml"] if project.tool("bandit") else []
    if (project.root / ".bandit").is_file():
        return [*settings, "--ini", ".bandit"]
    # Its built-in exclusions are for walks too: any name with "CVS" in it would be left out.
    return [*settings, "-x", ""]


def _chunks(names: list[str], root: Path) -> Iterator[list[str]]:
    """Equally heavy parts, each short enough for a command line."""
    parts = (os.cpu_count() or 1) if len(names) > FEW else 1
    by_size = sorted(names, key=lambda name: (root / name).stat().st_size)
    for part in (by_size[number::parts] for number in range(parts)):
        yield from _short(part)


def _short(names: list[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    room = MOST_BYTES
    for name in names:
        need = len(os.fsencode(name)) + 16
        if chunk and need > room:
            yield chunk
            chunk, room = [], MOST_BYTES
        chunk.append(name)
        room -= need
    if chunk:
        yield chunk
