"""What the tests of several checks share."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from nadia_checks.core.check import Context
from nadia_checks.core.project import load_project
from nadia_checks.registry import CHECK_NAMES, load_check
from pytest_nadia.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from nadia_checks.core.check import Outcome

IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")


class MakeProject(Protocol):
    def __call__(self, files: dict[str, str | bytes]) -> Path: ...


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    """Makes a finding of a rule in a.py; other fields by name."""

    def make(rule: str, path: str = "a.py", help: str = "h") -> Finding:
        return Finding(
            rule=rule,
            severity=Severity.ERROR,
            path=path,
            line=1,
            column=1,
            end_line=1,
            message="m",
            help=help,
            fingerprint="0a",
        )

    return make


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Makes a folder of these files, all committed, in a git repository of its own."""

    def make(files: dict[str, str | bytes]) -> Path:
        root = tmp_path / "project"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        root.mkdir(exist_ok=True)
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", "--all", "--force")
        git(root, *IDENTITY, "commit", "--quiet", "--allow-empty", "--message=Start")
        return root

    return make


def git(folder: Path, *arguments: str) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(["git", "-C", os.fspath(folder), *arguments], check=True, env=env)


class RunCheck(Protocol):
    def __call__(self, name: str, root: Path, *, preview: bool = False) -> Outcome: ...


@pytest.fixture
def run_check(tmp_path: Path) -> RunCheck:
    """Runs a check in this process."""

    def run(name: str, root: Path, *, preview: bool = False) -> Outcome:
        scratch = Path(tempfile.mkdtemp(dir=tmp_path))
        project = load_project(root, CHECK_NAMES)
        check = load_check(name)
        assert not check.not_applicable(project)
        return check.run(Context(project=project, scratch=scratch, preview=preview))

    return run


UNPRIVILEGED = """\
import json, sys, tempfile
from pathlib import Path
from nadia_checks.core.check import Context
from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import load_project
from nadia_checks.registry import CHECK_NAMES, load_check
project = load_project(Path(sys.argv[1]), CHECK_NAMES)
with tempfile.TemporaryDirectory() as scratch:
    try:
        outcome = load_check(sys.argv[2]).run(Context(project=project, scratch=Path(scratch)))
        print(json.dumps([[draft.rule, draft.path] for draft in outcome.drafts]))
    except CheckError as error:
        print(json.dumps(str(error)))
"""


class RunUnprivileged(Protocol):
    def __call__(self, name: str, root: Path) -> object: ...


@pytest.fixture
def run_unprivileged() -> RunUnprivileged:
    """Runs a check on the project made read-only, as a user whom file modes stop, even root.

    Gives rule and path of its drafts, or the text of its error.
    """

    def run(name: str, root: Path) -> object:
        _set_writable(root, False)
        done = subprocess.run(
            [sys.executable, "-P", "-c", UNPRIVILEGED, os.fspath(root), name],
            capture_output=True,
            check=False,
            cwd=root,
            preexec_fn=_let_file_modes_count,
        )
        _set_writable(root, True)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return run


def _let_file_modes_count() -> None:
    """Takes from root, for good, what lets it read and write everything (capabilities(7))."""
    if sys.platform == "linux" and os.getuid() == 0:
        for capability in (1, 2):
            if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
                raise OSError("this root may not give up its capabilities")


def _set_writable(root: Path, writable: bool) -> None:
    for place in [root, *root.rglob("*")]:
        if not place.is_symlink():
            mode = place.stat().st_mode
            place.chmod(mode | 0o200 if writable else mode & ~0o222)
