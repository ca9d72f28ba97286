from __future__ import annotations

from pathlib import Path

import pytest

from nadia_checks.adoption.change import (
    LONGEST_DIFF,
    Change,
    decode,
    line_ending,
    read_bytes,
    require_writable,
    unified_diff,
    write_all,
)
from nadia_checks.core.errors import UsageError


def listing(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def test_writes_all_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"1")
    (tmp_path / "old").chmod(0o750)
    write_all(
        [
            Change(tmp_path / "old", b"1", b"2"),
            Change(tmp_path / ".nadia/a", None, b"a"),
            Change(tmp_path / ".nadia/b", None, b"b"),
        ]
    )
    assert listing(tmp_path) == {"old": b"2", ".nadia": None, ".nadia/a": b"a", ".nadia/b": b"b"}
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o750


def test_follows_a_link_instead_of_replacing_it(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"1")
    (tmp_path / "link").symlink_to("real")
    write_all([Change(tmp_path / "link", b"1", b"2")])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"2"


def test_writes_nothing_over_a_file_that_changed_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"newer")
    changes = [Change(tmp_path / ".nadia/a", None, b"a"), Change(tmp_path / "b", b"old", b"mine")]
    with pytest.raises(UsageError, match="was changed while nadia looked"):
        write_all(changes)
    assert listing(tmp_path) == {"b": b"newer"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_end_in_the_middle_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], at: int
) -> None:
    (tmp_path / "old").write_bytes(b"1")
    before = listing(tmp_path)
    real, calls = Path.replace, []

    def replace(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == at:
            raise error(5, "broken", "disk")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    changes = [
        Change(tmp_path / ".nadia/a", None, b"a"),
        Change(tmp_path / "old", b"1", b"2"),
        Change(tmp_path / "b", None, b"b"),
    ]
    with pytest.raises(UsageError if error is OSError else error):
        write_all(changes)
    assert listing(tmp_path) == before


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".nadia").write_bytes(b"a file")
    with pytest.raises(UsageError, match="cannot be written"):
        write_all([Change(tmp_path / ".nadia/a", None, b"a")])
    assert listing(tmp_path) == {".nadia": b"a file"}


def test_a_writable_place_is_found_before_its_folder_exists(tmp_path: Path) -> None:
    require_writable([tmp_path / "deep" / "er" / "file"])


def test_an_unwritable_place_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UsageError, match="cannot be written: nothing was changed"):
        require_writable([tmp_path / "file"])


def test_the_diff_names_the_file_and_its_lines(tmp_path: Path) -> None:
    change = Change(tmp_path / "a", b"one\r\ntwo\r\n", b"one\r\n2\r\n")
    assert unified_diff(change, tmp_path) == [
        "--- a/a",
        "+++ b/a",
        "@@ -1,2 +1,2 @@",
        " one",
        "-two",
        "+2",
    ]
    assert unified_diff(Change(tmp_path / "a", None, b"x\n"), tmp_path)[0] == "--- /dev/null"


def test_a_long_diff_is_cut_and_says_so(tmp_path: Path) -> None:
    lines = unified_diff(Change(tmp_path / "a", None, b"x\n" * 8000), tmp_path)
    assert len(lines) == LONGEST_DIFF // 2 + 1
    assert lines[-1] == "… 7,983 more lines"


def test_reads_text_only(tmp_path: Path) -> None:
    assert read_bytes(tmp_path / "none") is None
    with pytest.raises(UsageError, match="cannot be read"):
        read_bytes(tmp_path)
    with pytest.raises(UsageError, match="not UTF-8"):
        decode(b"\xff", tmp_path)


@pytest.mark.parametrize(("text", "ending"), [("", "\n"), ("a\r\nb\n", "\r\n"), ("a\n\r\n", "\n")])
def test_the_first_line_decides_the_line_ending(text: str, ending: str) -> None:
    assert line_ending(text) == ending
