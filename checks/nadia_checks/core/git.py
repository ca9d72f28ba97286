"""Git, asked through subprocesses whose output is separated by NUL."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

# Set by git for its hooks; with them git would answer for the wrong repository.
LOCAL_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(UsageError):
    """Git said no, or is not there."""


def git(folder: Path, *arguments: str) -> bytes:
    """What git prints.

    Raises:
        GitError: git is missing or ended with another code than 0.
    """
    env = {key: value for key, value in os.environ.items() if key not in LOCAL_VARIABLES}
    env["LC_ALL"] = "C"
    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(folder), *arguments],
            capture_output=True,
            env=env,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("git is not installed: nadia reads the project through it") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise GitError(f"git {arguments[0]} failed: {lines[0]}")
    return done.stdout


def toplevel(folder: Path) -> Path:
    """The root of the repository that holds `folder`."""
    try:
        answer = git(folder, "rev-parse", "--show-toplevel")
    except GitError as error:
        if "not a git repository" in str(error):
            raise GitError(
                f"{folder} is not in a git repository: run 'git init' there first"
            ) from None
        if owned := re.search(r"dubious ownership in repository at '(.*)'", str(error)):
            raise GitError(
                "the repository belongs to somebody else, so git does not read it: "
                f"git config --global --add safe.directory {shlex.quote(owned[1])}"
            ) from None
        raise
    return type(folder)(os.fsdecode(answer.removesuffix(b"\n")))


def tracked_files(folder: Path) -> list[str]:
    """The files below `folder` that the index names and that exist, relative to it, sorted."""
    return _existing_files(folder, "ls-files", "-z", "--cached")


def project_files(folder: Path) -> list[str]:
    """The tracked files, and the untracked ones that git does not ignore."""
    return _existing_files(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def _existing_files(folder: Path, *arguments: str) -> list[str]:
    names = {os.fsdecode(name) for name in git(folder, *arguments).split(b"\0") if name}
    try:
        return sorted(name for name in names if (folder / name).is_file())
    except PermissionError as error:
        raise GitError(f"{error.filename} cannot be read: make it readable first") from None
