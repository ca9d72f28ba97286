"""What the tests of several checks share."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

import pytest

IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")


class MakeProject(Protocol):
    def __call__(self, files: dict[str, str | bytes]) -> Path: ...


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
