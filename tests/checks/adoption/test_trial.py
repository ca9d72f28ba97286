from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.trial import run_trial
from nadia_checks.core.project import load_project
from nadia_checks.registry import CHECK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeProject = Callable[[dict[str, str | bytes]], Path]

pytestmark = pytest.mark.slow

STRICT = "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"


def judge(root: Path) -> tuple[str, str]:
    """Status and reason of the check `pytest`, which wrote nothing into the project."""
    before = sorted(root.rglob("*"))
    verdict = run_trial(load_project(root, CHECK_NAMES), {}, bytes(16), io.StringIO())
    assert sorted(path for path in root.rglob("*") if ".git" not in path.parts) == [
        path for path in before if ".git" not in path.parts
    ]
    (result,) = [one for one in verdict.checks if one.name == "pytest"]
    return result.status, result.reason


def test_a_folder_of_scratch_files_may_have_a_space(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "with space").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "with space"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    root = make_project({"pytest.ini": STRICT, "test_a.py": "def test_a(): pass\n"})
    assert judge(root) == ("pass", "")


@pytest.mark.parametrize("name", ["test_b.py", os.fsdecode(b"caf\xe9.py")])
def test_a_cache_that_is_turned_off_stays_off(make_project: MakeProject, name: str) -> None:
    off = "addopts = -p no:cacheprovider\n" if name == "test_b.py" else ""
    root = make_project({"pytest.ini": STRICT + off, "test_a.py": "def test_a(): pass\n", name: ""})
    assert judge(root) == ("pass", "")
