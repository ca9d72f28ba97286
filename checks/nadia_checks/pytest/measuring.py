"""Coverage of a test run: how it is configured, and what the measured files add up to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import python_module, run_program
from nadia_checks.core.project import printable
from nadia_checks.pytest.command import need, pytest_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nadia_checks.core.project import Project


class Summary(Struct, frozen=True):
    """Counts of lines and branches of one file, or of all."""

    covered_lines: int = 0
    num_statements: int = 0
    missing_lines: int = 0
    covered_branches: int = 0
    num_branches: int = 0


class MeasuredFile(Struct, frozen=True):
    summary: Summary


class Measured(Struct, frozen=True):
    """What coverage's JSON report says; `totals` is None where nothing at all was measured.

    Where there are no lines, or no branches, all of them count as run.
    """

    totals: Summary | None = None
    files: dict[str, MeasuredFile] = {}

    @property
    def lines(self) -> Fraction:
        totals = self.totals
        return _percent(totals.covered_lines, totals.num_statements) if totals else Fraction(0)

    @property
    def branches(self) -> Fraction:
        totals = self.totals
        return _percent(totals.covered_branches, totals.num_branches) if totals else Fraction(0)

    def worst(self, count: int) -> list[tuple[str, int]]:
        """The files with the most missing lines, and how many."""
        missing = [(name, file.summary.missing_lines) for name, file in self.files.items()]
        return sorted(missing, key=lambda pair: (-pair[1], pair[0]))[:count]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement that every Python process under `COVERAGE_PROCESS_START=rcfile` takes part in.

    `own_files` count as not run where no process met them; a project that configures its sources
    leaves that to coverage.
    """

    root: Path
    rcfile: Path
    own_files: list[str]

    def result(self) -> Measured:
        """What was measured.

        Raises:
            CheckError: coverage failed.
        """
        own_files = self.rcfile.with_name("own-files.json")
        own_files.write_text(json.dumps(self.own_files))
        output = self.rcfile.with_name("coverage.json")
        arguments = map(os.fspath, (self.rcfile, own_files, output))
        done = run_program(
            python_module("nadia_checks.pytest.combine", *arguments),
            cwd=self.root,
            env=pytest_environment(),
        )
        if done.returncode:
            raise CheckError(f"coverage could not be added up: {done.last_line}")
        return msgspec.json.decode(output.read_bytes(), type=Measured)


def prepare_measurement(project: Project, packages: list[str], scratch: Path) -> Measurement | None:
    """The measurement that the project configures, or else one of `packages`; None without both.

    Raises:
        CheckError: coverage is not installed, or the project's configuration of it is wrong.
    """
    need("coverage")
    run, report, others = _read_configuration(project.root)
    configured = any(run.get(key) for key in ("source", "source_pkgs", "source_dirs", "include"))
    if not configured and not packages:
        return None
    own_files = []
    if not configured:
        own_files = _own_files(project, packages)
        run |= _source(project.root, packages)
    run |= {"branch": True, "parallel": True, "data_file": os.fspath(scratch / "coverage.data")}
    report["ignore_errors"] = True
    rcfile = scratch / "coverage.toml"
    _write(rcfile, {"run": run, "report": report, **others})
    return Measurement(project.root, rcfile, own_files)


def percent_down(value: Fraction) -> float:
    """A percentage rounded down to two decimals."""
    return int(value * 100) / 100


def _own_files(project: Project, packages: Iterable[str]) -> list[str]:
    """Without those that coverage cannot name."""
    names = [name for name in project.files if name.endswith(".py")]
    inside = tuple(name if name.endswith(".py") else f"{name}/" for name in packages)
    own = [os.fspath(project.root / name) for name in names if name.startswith(inside)]
    return [name for name in own if printable(name) == name]


def _source(root: Path, packages: Iterable[str]) -> dict[str, Any]:
    folders = [os.fspath(root / name) for name in packages if not name.endswith(".py")]
    modules = [name.rpartition("/")[2][:-3] for name in packages if name.endswith(".py")]
    return {"source_dirs": folders, "source_pkgs": modules}


def _read_configuration(root: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The project's run and report options, and its other sections."""
    done = run_program(
        python_module("nadia_checks.pytest.configured"), cwd=root, env=pytest_environment()
    )
    if done.returncode:
        raise CheckError(f"coverage cannot read its configuration: {done.last_line}")
    run, report, others = json.loads(done.stdout)
    for key in ("include", "omit"):
        run[key] = [_absolute_pattern(root, one) for one in run.get(key) or []]
    if sources := run.get("source"):
        run["source"] = [_absolute_folder(root, one) for one in sources]
    run["source_dirs"] = [os.fspath(root / one) for one in run.get("source_dirs") or []]
    return run, report, others


def _absolute_folder(root: Path, source: str) -> str:
    """Sources are folders or importable names; a child process has its own working folder."""
    return os.fspath(root / source) if (root / source).is_dir() else source


def _absolute_pattern(root: Path, pattern: str) -> str:
    return pattern if pattern.startswith(("*", "?", "/")) else os.fspath(root / pattern)


def _write(rcfile: Path, sections: Mapping[str, Mapping[str, Any]]) -> None:
    text = _as_toml(sections, expanded=("run", "report", "paths"))
    try:
        rcfile.write_text(text, encoding="utf-8")
    except UnicodeEncodeError:
        raise CheckError("the project's path is not UTF-8: coverage cannot measure there") from None


def _as_toml(sections: Mapping[str, Mapping[str, Any]], *, expanded: Iterable[str]) -> str:
    """`expanded` are the sections in which coverage expands `$NAME`."""
    lines = []
    for name, options in sections.items():
        lines.append("[tool.coverage." + ".".join(map(_json, name.split("."))) + "]")
        for key, value in options.items():
            if value is not None:
                text = _json(value).replace("$", "$$") if name in expanded else _json(value)
                lines.append(f"{_json(key)} = {text}")
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    """JSON's strings, lists, numbers and truth values are TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _percent(part: int, whole: int) -> Fraction:
    return Fraction(100 * part, whole) if whole else Fraction(100)
