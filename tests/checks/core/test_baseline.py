from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nadia_checks.core import baseline
from nadia_checks.core.baseline import Entry
from nadia_checks.core.errors import UsageError

pytestmark = pytest.mark.unit

A = Entry("ruff:F401", "00aa", "a.py", "known")
B = Entry("bandit:B602", "11bb", "my file.py", "reviewed in March")
SECRET = Entry("detect-secrets:jwt", "22cc", "conf.py", "test key")


def entries(root: Path) -> list[Entry]:
    return [known.entry for known in baseline.read(root)]


def test_without_files_nothing_is_known(tmp_path: Path) -> None:
    assert entries(tmp_path) == []


def test_lines_are_sorted_and_say_where_they_stand(tmp_path: Path) -> None:
    baseline.write(tmp_path, [A, SECRET, B])

    assert (tmp_path / ".nadia/baseline").read_text() == (
        "bandit:B602\t11bb\tmy file.py\treviewed in March\nruff:F401\t00aa\ta.py\tknown\n"
    )
    assert [(one.entry, one.file, one.line) for one in baseline.read(tmp_path)] == [
        (B, ".nadia/baseline", 1),
        (A, ".nadia/baseline", 2),
        (SECRET, ".nadia/secrets.baseline", 1),
    ]


def test_nothing_left_removes_the_files(tmp_path: Path) -> None:
    baseline.write(tmp_path, [A, SECRET])
    baseline.write(tmp_path, [])

    assert list((tmp_path / ".nadia").iterdir()) == []


def test_what_git_merges_by_union_is_read(tmp_path: Path) -> None:
    baseline.write(tmp_path, [B, A])
    path = tmp_path / ".nadia/baseline"
    path.write_text(path.read_text() + path.read_text().replace("\n", "\r\n") + "# comment\n\n")

    assert set(entries(tmp_path)) == {A, B}


def test_a_reason_stays_on_one_line(tmp_path: Path) -> None:
    baseline.write(tmp_path, [Entry("r", "f", "p", "two\nlines\tand a tab")])

    assert entries(tmp_path)[0].reason == "two lines and a tab"


@pytest.mark.parametrize("line", ["nonsense", "a\tb\tc", "a\tb\tc\td\te", "\tb\tc\td", "a\tb\tc\t"])
def test_a_corrupt_line_is_named_and_nothing_is_lost(tmp_path: Path, line: str) -> None:
    baseline.write(tmp_path, [A])
    path = tmp_path / ".nadia/baseline"
    before = path.read_text() + line + "\n"
    path.write_text(before)

    with pytest.raises(UsageError, match=r"^\.nadia/baseline:2 is not a baseline entry"):
        baseline.read(tmp_path)

    assert path.read_text() == before


def test_bytes_that_are_not_text_are_one_line(tmp_path: Path) -> None:
    (tmp_path / ".nadia").mkdir()
    (tmp_path / ".nadia/baseline").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match=r"^\.nadia/baseline cannot be read"):
        baseline.read(tmp_path)


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1).filter(
    lambda text: text.strip() == text
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.builds(Entry, words.filter(lambda w: w[0] != "#"), words, words, words)))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, written: list[Entry]
) -> None:
    root = tmp_path_factory.mktemp("project")
    baseline.write(root, written)

    assert {one.key for one in entries(root)} == {one.key for one in written}
