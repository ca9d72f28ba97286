"""Ruff, started on a project: what it looks at and what it says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import MEBIBYTE, Completed, python_module, run_program

if TYPE_CHECKING:
    from nadia_checks.core.check import Context

OUTPUT_LIMIT = 512 * MEBIBYTE


class Location(msgspec.Struct):
    """Both count from 1; in a notebook inside a cell."""

    row: int
    column: int


class Fix(msgspec.Struct):
    applicability: str
    message: str | None = None


class Diagnostic(msgspec.Struct):
    """One entry of ruff's JSON output, without the edits of its fix."""

    filename: str
    code: str | None
    message: str
    location: Location | None = None
    end_location: Location | None = None
    cell: int | None = None
    fix: Fix | None = None


class Ruff:
    def __init__(self, context: Context) -> None:
        self._project = context.project
        self._scratch = context.scratch
        self._cache = [] if may_cache(context) else ["--no-cache"]
        # Settings of the user's own would judge otherwise here than in CI.
        self._env = os.environ | {"XDG_CONFIG_HOME": os.fspath(context.scratch)}

    def file_count(self) -> int:
        """How many files hold Python: ruff lists those with its settings too."""
        listed = b"\n" + self._run("check", "--show-files").stdout
        names = listed.split(b"\n" + os.fsencode(self._project.root) + b"/")[1:]
        return sum(not name.rstrip().endswith(b".toml") for name in names)

    def check(self) -> list[Diagnostic]:
        output = self._scratch / "ruff.json"
        done = self._run("check", "--output-format=json", f"--output-file={output}")
        return _parse(output.read_bytes() if output.exists() else b"", done)

    def format(self) -> list[Diagnostic]:
        """Unformatted files, and those that cannot be formatted."""
        done = self._run("format", "--check", "--output-format=json", may_end_with=(0, 1, 2))
        return _parse(done.stdout, done)

    def _run(
        self, command: str, *arguments: str, may_end_with: tuple[int, ...] = (0, 1)
    ) -> Completed:
        if command == "check":
            # A project may have it repair files; a gate only looks.
            arguments = ("--no-fix", "--no-fix-only", *arguments)
        argv = python_module("ruff", command, *arguments, *self._cache, "--force-exclude", ".")
        done = run_program(argv, cwd=self._project.root, env=self._env, stdout_limit=OUTPUT_LIMIT)
        if done.returncode not in may_end_with or done.cut:
            raise failure(done)
        return done


def may_cache(context: Context) -> bool:
    """Ruff writes its cache into the project, and cannot name files there that are not UTF-8."""
    names = context.project.files
    writable = os.access(context.project.root, os.W_OK)
    return writable and not context.preview and all(name.isprintable() for name in names)


def failure(done: Completed) -> CheckError:
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
    causes = [line.removeprefix("Cause: ") for line in lines if line.startswith("Cause: ")]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    said = ": ".join(causes[-2:] or errors[-1:] or [done.last_line])
    return CheckError(f"ruff failed: {said[:300]}")


def _parse(output: bytes, done: Completed) -> list[Diagnostic]:
    try:
        return msgspec.json.decode(output, type=list[Diagnostic])
    except msgspec.MsgspecError:
        raise failure(done) from None
