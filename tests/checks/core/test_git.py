from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nadia_checks.core import git
from nadia_checks.core.errors import UsageError

pytestmark = pytest.mark.integration


def in_git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    in_git(tmp_path, "init", "-q")
    (tmp_path / "sub").mkdir()
    for name in ("a.py", "sub/b.py", "with space.py", "new\nline.py", "ignored.log"):
        (tmp_path / name).write_text("x = 1\n")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("*.log\n")
    in_git(tmp_path, "add", "-A")
    (tmp_path / "untracked.py").write_text("x = 1\n")
    return tmp_path


def test_tracked_files_of_any_name(repository: Path) -> None:
    assert git.tracked_files(repository) == [
        ".gitignore",
        "a.py",
        "caf\udce9.py",
        "new\nline.py",
        "sub/b.py",
        "with space.py",
    ]


def test_project_files_add_what_is_untracked_but_not_ignored(repository: Path) -> None:
    assert set(git.project_files(repository)) - set(git.tracked_files(repository)) == {
        "untracked.py"
    }


def test_a_file_removed_from_the_folder_is_left_out(repository: Path) -> None:
    (repository / "a.py").unlink()

    assert "a.py" not in git.tracked_files(repository)


def test_below_a_folder_names_are_relative_to_it(repository: Path) -> None:
    assert git.tracked_files(repository / "sub") == ["b.py"]
    assert git.toplevel(repository / "sub") == repository


def test_variables_of_a_hook_do_not_lead_elsewhere(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")

    assert git.toplevel(repository) == repository


def test_no_repository_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        git.toplevel(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path} is not in a git repository: run 'git init' there first"
    )


def test_somebody_else_s_repository_is_one_line_to_paste(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(UsageError, match=rf"--add safe.directory {repository}$"):
        git.toplevel(repository / "sub")


def test_a_broken_repository_is_one_line(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"garbage")

    with pytest.raises(UsageError, match=r"^git ls-files failed: \S"):
        git.tracked_files(repository)


def test_no_git_is_one_line(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(UsageError, match=r"^git is not installed"):
        git.toplevel(repository)
