"""A throw-away copy of a project, and the gate run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nadia_checks.core.git import git, project_files
from nadia_checks.core.runner import GATE_VARIABLE
from nadia_checks.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

AUTHOR = ("-c", "user.name=nadia", "-c", "user.email=nadia@localhost", "-c", "commit.gpgsign=false")


def copy_project(source: Path, destination: Path) -> Path:
    """Copies what git knows below `source` into a new repository, and commits it."""
    for name in project_files(source):
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target)
    git(destination, "init", "--quiet")
    commit_all(destination, "copied")
    return destination


def commit_all(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, *AUTHOR, "commit", "--quiet", "--no-verify", "--allow-empty", "-m", message)


def run_gate_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs `nadia gate` on the folder in a process that knows of no outer gate."""
    env = {key: value for key, value in os.environ.items() if key != GATE_VARIABLE}
    return subprocess.run(
        [sys.executable, "-P", "-m", "nadia_checks", "gate", os.fspath(folder), *arguments],
        capture_output=True,
        env=env,
        check=False,
    )


def judge(folder: Path, only: Sequence[str] = (), time_limit: float | None = None) -> Verdict:
    """The verdict of the gate on the folder; `only` names checks, each gets `time_limit` seconds.

    Raises:
        RuntimeError: the command gave no verdict; its own words are in the message.
    """
    arguments = ["--format", "json"]
    arguments += ["--only", ",".join(only)] if only else []
    arguments += ["--time-limit", f"{time_limit:g}"] if time_limit else []
    done = run_gate_command(folder, *arguments)
    try:
        return msgspec.json.decode(done.stdout, type=Verdict)
    except msgspec.MsgspecError:
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"nadia gate gave no verdict (exit {done.returncode}): {said}") from None
