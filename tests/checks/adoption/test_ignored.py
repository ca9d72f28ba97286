from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.ignored import ignored_note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeProject = Callable[[dict[str, str | bytes]], Path]

NAMES = [".nadia/baseline", ".nadia/salt", "pyproject.toml"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (".nadia\n", "git ignores .nadia/baseline and 1 more (.gitignore:1:.nadia), but "),
        ("*.pyc\nsalt\n", "git ignores .nadia/salt (.gitignore:2:salt), but "),
    ],
)
def test_names_what_git_ignores_and_what_to_do(
    rules: str, said: str, make_project: MakeProject
) -> None:
    note = ignored_note(make_project({".gitignore": rules}), NAMES)
    assert note.startswith(said)
    assert note.endswith("remove that rule, or add them with --force")
    assert "\n" not in note


@pytest.mark.parametrize(
    "rules", ["", "*.pyc\n", "!.nadia/baseline\n", ".nadia/*\n!.nadia/[bs]*\n"]
)
def test_says_nothing_where_git_ignores_none(rules: str, make_project: MakeProject) -> None:
    assert ignored_note(make_project({".gitignore": rules}), NAMES) == ""


def test_a_file_that_is_committed_already_is_not_ignored(make_project: MakeProject) -> None:
    root = make_project({".gitignore": ".nadia\n", ".nadia/baseline": ""})
    assert ignored_note(root, [".nadia/baseline"]) == ""
    assert ignored_note(root, NAMES).startswith("git ignores .nadia/salt (")
