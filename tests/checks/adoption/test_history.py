from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.history import Then, direction, oldest_days, some_time_ago

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 24 * 60 * 60


@pytest.fixture
def commit(tmp_path: Path) -> Callable[..., None]:
    """Commits the baseline with these lines, some days ago."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".nadia").mkdir()

    def make(days: int, *lines: str, name: str = "baseline") -> None:
        (tmp_path / ".nadia" / name).write_text("".join(f"{line}\n" for line in lines))
        moment = f"{int(time.time()) - days * DAY - 60} +0000"
        env = os.environ | {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
        for arguments in (["add", "."], [*identity, "commit", "-qm", "x", "--allow-empty"]):
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, env=env)

    return make


def test_the_oldest_line_that_still_stands_counts(
    tmp_path: Path, commit: Callable[..., None]
) -> None:
    commit(90, "a", "b")
    commit(50, "b", "c")
    assert oldest_days(tmp_path) == 90
    commit(10, "c", "d")
    assert oldest_days(tmp_path) == 50
    commit(5, "s", name="secrets.baseline")
    assert oldest_days(tmp_path) == 50


def test_lines_that_are_not_committed_have_no_age(
    tmp_path: Path, commit: Callable[..., None]
) -> None:
    assert oldest_days(tmp_path) is None
    (tmp_path / ".nadia/baseline").write_text("a\n")
    assert oldest_days(tmp_path) is None
    assert some_time_ago(tmp_path) is None
    commit(40, "a")
    (tmp_path / ".nadia/baseline").write_text("b\n")
    assert oldest_days(tmp_path) is None


def test_comments_and_blank_lines_are_no_entries(
    tmp_path: Path, commit: Callable[..., None]
) -> None:
    commit(90, "# old", "", "a")
    commit(20, "# old", "", "b")
    assert oldest_days(tmp_path) == 20
    assert some_time_ago(tmp_path) == Then(1, 90)


def test_compares_with_the_baseline_of_thirty_days_ago(
    tmp_path: Path, commit: Callable[..., None]
) -> None:
    commit(90, *"abcde")
    commit(40, *"abcd")
    commit(10, *"abc")
    commit(1, "s", name="secrets.baseline")
    assert some_time_ago(tmp_path) == Then(4, 40)


def test_compares_a_young_baseline_with_its_first_commit(
    tmp_path: Path, commit: Callable[..., None]
) -> None:
    commit(90, name="../other")
    commit(10, *"abc")
    commit(5, *"ab")
    assert some_time_ago(tmp_path) == Then(3, 10)


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (412, "shrinking 412 -> 390 in 30 days"),
        (380, "growing 380 -> 390 in 30 days"),
        (390, "unchanged at 390 in 30 days"),
    ],
)
def test_the_direction_in_words(then: int, words: str) -> None:
    assert direction(Then(then, 30), 390) == words
