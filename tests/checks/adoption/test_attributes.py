from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.attributes import LINES, add_lines, attributes_change

if TYPE_CHECKING:
    from pathlib import Path

BOTH = "".join(f"{line}\n" for line in LINES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", BOTH),
        ("*.py text\n", "*.py text\n" + BOTH),
        ("*.py text", "*.py text\n" + BOTH),
        ("*.py text\r\n", "*.py text\r\n" + BOTH.replace("\n", "\r\n")),
        (f"{LINES[0]}\n", BOTH),
        (BOTH, None),
        (BOTH.replace(" ", "\t"), None),
    ],
)
def test_adds_what_is_missing(text: str, expected: str | None) -> None:
    assert add_lines(text) == expected


def test_git_merges_both_baselines_by_union(tmp_path: Path) -> None:
    assert LINES == (".nadia/baseline merge=union", ".nadia/secrets.baseline merge=union")
    change = attributes_change(tmp_path)
    assert change is not None
    assert change.after.decode() == BOTH
    change.path.write_bytes(change.after)
    assert attributes_change(tmp_path) is None
