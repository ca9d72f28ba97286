"""A test run and its coverage as drafts of findings."""

from __future__ import annotations

import os
import re
import shlex
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.project import printable
from nadia_checks.pytest.measuring import percent_down

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.core.config import PytestOptions
    from nadia_checks.core.project import Project
    from nadia_checks.pytest.measuring import Measured
    from nadia_checks.pytest.report import CollectError, Report, Test

FAILED = "pytest:failed"
UNCOLLECTED = "pytest:collect"
LINES = "coverage:lines"
BRANCHES = "coverage:branches"
# How the plugin spells a byte of a file name that is not UTF-8.
ESCAPED_BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")


class TestDrafts:
    """Failed tests and modules that do not collect, with paths relative to the project."""

    def __init__(self, project: Project, report: Report) -> None:
        self._project = project
        self._report = report

    def all(self) -> list[Draft]:
        broken = [self._uncollected(error) for error in self._report.collect_errors]
        return broken + [self._failed(test) for test in self._report.tests if test.is_bad]

    def path(self, path: str) -> str:
        absolute = Path(self._report.rootdir, path)
        return self._project.relative(ESCAPED_BYTE.sub(r"\\x\1", os.fspath(absolute)))

    def _failed(self, test: Test) -> Draft:
        path = self.path(test.path)
        return Draft(
            rule=FAILED,
            path=path,
            line=test.line,
            content=test.node_id,
            message=printable(f"{test.node_id}: {test.message or test.outcome}"),
            help=_command(self._argument(test.node_id)),
        )

    def _uncollected(self, error: CollectError) -> Draft:
        path = self.path(error.path)
        return Draft(
            rule=UNCOLLECTED,
            path=path,
            content="does not collect",
            message=printable(f"pytest cannot collect {path}: {error.message}"),
            help=_command(path, "--collect-only"),
        )

    def _argument(self, node_id: str) -> str:
        """Node ids are relative to pytest's rootdir, arguments to the working folder."""
        if Path(self._report.rootdir) == self._project.root:
            return node_id
        path, separator, rest = node_id.partition("::")
        return f"{self.path(path)}{separator}{rest}"


def coverage_drafts(measured: Measured, options: PytestOptions, project: Project) -> list[Draft]:
    return list(_shortfalls(measured, options, project))


def _shortfalls(measured: Measured, options: PytestOptions, project: Project) -> Iterator[Draft]:
    has_pyproject = (project.root / "pyproject.toml").is_file()
    for rule, value, floor, word, verb, key in (
        (LINES, measured.lines, options.line_floor, "lines", "run", "line_floor"),
        (BRANCHES, measured.branches, options.branch_floor, "branches", "take", "branch_floor"),
    ):
        if value < Fraction(str(floor)):
            yield Draft(
                rule=rule,
                path="pyproject.toml" if has_pyproject else "",
                content=f"{floor:g}:{int(value)}",
                message=(
                    f"the tests {verb} {percent_down(value):g} % of the {word}, "
                    f"the floor is {floor:g} %"
                ),
                help=_where_to_start(measured, key),
            )


def _where_to_start(measured: Measured, key: str) -> str:
    worst = ", ".join(f"{printable(name)} ({lines})" for name, lines in measured.worst(3) if lines)
    first = f"test the files with the most missing lines: {worst}; or" if worst else "test more, or"
    return f"{first} lower {key} in [tool.nadia.pytest]"


def _command(*arguments: str) -> str:
    return " ".join(("pytest", *(shlex.quote(printable(one)) for one in arguments)))
