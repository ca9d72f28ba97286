from __future__ import annotations

from pathlib import Path

import pytest

from nadia_checks.core.check import Draft
from nadia_checks.core.fingerprints import to_findings
from pytest_nadia.finding import Finding, Severity

pytestmark = pytest.mark.unit

SOURCE = """\
import os


class Bot:
    @property
    def token(self):
        x = 1
        x = 1


def late():
    x = 1
"""


def draft(line: int, rule: str = "r:1", severity: Severity = Severity.ERROR) -> Draft:
    return Draft(
        rule=rule, message="m", help="h", path="bot.py", line=line, column=1, severity=severity
    )


def fingerprints(folder: Path, source: str, *drafts: Draft) -> list[str]:
    (folder / "bot.py").write_text(source)
    return [finding.fingerprint for finding in to_findings(drafts, folder)]


def test_a_moved_line_keeps_its_fingerprint(tmp_path: Path) -> None:
    before = fingerprints(tmp_path, SOURCE, draft(7))
    after = fingerprints(tmp_path, "# a comment\n\n" + SOURCE, draft(9))

    assert before == after


def test_severity_does_not_matter(tmp_path: Path) -> None:
    assert fingerprints(tmp_path, SOURCE, draft(7)) == fingerprints(
        tmp_path, SOURCE, draft(7, severity=Severity.NOTE)
    )


def test_equal_lines_in_one_function_are_told_apart_by_order(tmp_path: Path) -> None:
    both = fingerprints(tmp_path, SOURCE, draft(8), draft(7))

    assert len(set(both)) == 2
    assert both[0] == fingerprints(tmp_path, SOURCE, draft(7))[0]


@pytest.mark.parametrize(
    ("other", "source"),
    [
        (draft(12), SOURCE),  # the same text in another function
        (draft(7, rule="r:2"), SOURCE),
        (draft(7), SOURCE.replace("x = 1", "x = 2")),
        (draft(7), SOURCE.replace("class Bot", "class Robot")),
    ],
)
def test_another_rule_scope_or_content_is_another_finding(
    tmp_path: Path, other: Draft, source: str
) -> None:
    assert fingerprints(tmp_path, SOURCE, draft(7)) != fingerprints(tmp_path, source, other)


def test_given_content_stands_for_the_line(tmp_path: Path) -> None:
    first = Draft(
        rule="pytest:failed", message="a", help="", path="t.py", line=3, content="t.py::a"
    )
    moved = Draft(
        rule="pytest:failed", message="b", help="", path="t.py", line=9, content="t.py::a"
    )

    assert to_findings([first], tmp_path)[0].fingerprint == (
        to_findings([moved], tmp_path)[0].fingerprint
    )


def test_a_given_fingerprint_is_kept(tmp_path: Path) -> None:
    given = Draft(rule="d:x", message="", help="", fingerprint="0123456789abcdef")

    assert to_findings([given], tmp_path)[0].fingerprint == "0123456789abcdef"


@pytest.mark.parametrize("content", [b"\0", b"def (", b"\xff\xfe\n", b"(" * 5000])
def test_unreadable_sources_still_give_findings(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bot.py").write_bytes(content)

    assert [type(one) for one in to_findings([draft(1)], tmp_path)] == [Finding]


def test_findings_are_sorted_by_place(tmp_path: Path) -> None:
    drafts = [
        Draft(rule="b", message="", help="", path="b.py", line=1),
        Draft(rule="a", message="", help="", path="a.py", line=20),
        Draft(rule="a", message="", help="", path="a.py", line=3),
    ]

    places = [(one.path, one.line, one.end_line) for one in to_findings(drafts, tmp_path)]

    assert places == [("a.py", 3, 3), ("a.py", 20, 20), ("b.py", 1, 1)]


@pytest.mark.parametrize("odd", ["\f", "\u2028", "\x1c"])
def test_lines_are_counted_as_python_counts_them(tmp_path: Path, odd: str) -> None:
    odd_line = f"a = '{odd}'\n"

    assert fingerprints(tmp_path, odd_line + SOURCE, draft(8)) == (
        fingerprints(tmp_path, "b = 1\n" + SOURCE, draft(8))
    )


def test_half_a_surrogate_pair_is_escaped(tmp_path: Path) -> None:
    broken = Draft(rule="r", message="caf\udce9", help="\ud800", path="a\udcff.py")

    (finding,) = to_findings([broken], tmp_path)

    assert (finding.message, finding.help, finding.path) == ("caf\\udce9", "\\ud800", "a\\udcff.py")
