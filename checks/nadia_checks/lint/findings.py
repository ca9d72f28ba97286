"""Ruff's diagnostics as findings."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.project import printable
from nadia_checks.lint.notebook import cell_line

if TYPE_CHECKING:
    from nadia_checks.core.project import Project
    from nadia_checks.lint.ruff import Diagnostic, Fix

# What ruff's linter and its formatter call a file that they cannot read.
UNREADABLE = ("invalid-syntax", "E902", "io")


def linted(diagnostics: list[Diagnostic], project: Project) -> list[Draft]:
    names = _names_as_ruff_prints_them(project)
    return [_draft(one, names, project) for one in diagnostics]


def unformatted(
    diagnostics: list[Diagnostic], lint: list[Diagnostic], project: Project
) -> list[Draft]:
    """One draft a file; an unreadable file counts where the linter did not see it already."""
    names = _names_as_ruff_prints_them(project)
    seen = {one.filename for one in lint if one.code in UNREADABLE}
    found = []
    for one in diagnostics:
        if one.code == "unformatted":
            found.append(_format_draft(_path(one, names, project)))
        elif one.filename not in seen:
            found.append(_draft(one, names, project))
    return found


def _draft(one: Diagnostic, names: dict[str, str], project: Project) -> Draft:
    path = _path(one, names, project)
    rule = one.code or "invalid-syntax"
    advice = _help(rule, one.fix, path)
    if one.cell and one.location:
        return Draft(
            rule=f"ruff:{rule}",
            message=f"cell {one.cell}, line {one.location.row}: {one.message}",
            help=advice,
            path=path,
            content=cell_line(project.root / path, one.cell, one.location.row),
        )
    return Draft(
        rule=f"ruff:{rule}",
        message=one.message,
        help=advice,
        path=path,
        line=one.location.row if one.location else 0,
        column=one.location.column if one.location else 0,
        end_line=one.end_location.row if one.end_location else 0,
    )


def _format_draft(path: str) -> Draft:
    return Draft(
        rule="ruff:format",
        message="not formatted as ruff would",
        help=f"ruff format {shlex.quote(path)}",
        path=path,
        content="",
    )


def _help(rule: str, fix: Fix | None, path: str) -> str:
    if rule in UNREADABLE:
        return "repair the file, or exclude it in ruff's settings"
    if fix is None or fix.applicability == "display":
        return f"repair it; what it means: ruff rule {rule}"
    unsafe = "--unsafe-fixes " if fix.applicability == "unsafe" else ""
    command = f"ruff check --fix {unsafe}--select {rule} {shlex.quote(path)}"
    return f"{' '.join(fix.message.split())}: {command}" if fix.message else command


def _path(one: Diagnostic, names: dict[str, str], project: Project) -> str:
    relative = os.path.relpath(one.filename, project.root).replace(os.sep, "/")
    return printable(names.get(relative, relative))


def _names_as_ruff_prints_them(project: Project) -> dict[str, str]:
    """Ruff replaces what is not UTF-8 in a name."""
    return {os.fsencode(name).decode(errors="replace"): name for name in project.files}
