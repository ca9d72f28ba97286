from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.entries import (
    baseline_changes,
    kept_and_new,
    new_entries,
    not_judged,
    stale_entries,
)
from nadia_checks.core.baseline import ADOPTED, Entry, Known
from nadia_checks.core.verdict import CheckResult, JudgedFinding, Verdict, decide
from nadia_checks.registry import load_checks
from pytest_nadia.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def finding(
    rule: str, fingerprint: str = "f", severity: Severity = Severity.ERROR, line: int = 1
) -> JudgedFinding:
    return JudgedFinding(
        rule=rule,
        severity=severity,
        path="a.py",
        line=line,
        column=1,
        end_line=line,
        message="m",
        help="h",
        fingerprint=fingerprint,
    )


def verdict(
    *findings: JudgedFinding, name: str = "lint", status: str = "fail", unseen: Sequence[str] = ()
) -> Verdict:
    result = CheckResult(
        name=name,
        status=status,  # type: ignore[arg-type]
        findings=list(findings),
        unseen=list(unseen),
    )
    return decide([result], [], 0.0)


def known(rule: str, fingerprint: str = "f", reason: str = "ours") -> Known:
    return Known(Entry(rule, fingerprint, "a.py", reason), ".nadia/baseline", 1)


def test_every_failing_finding_becomes_an_entry_once() -> None:
    judged = verdict(finding("ruff:F401"), finding("ruff:F401"), finding("pytest:failed", "g"))
    assert new_entries(judged, [], "why") == [
        Entry("ruff:F401", "f", "a.py", "why"),
        Entry("pytest:failed", "g", "a.py", "why"),
    ]


def test_what_does_not_fail_is_not_written() -> None:
    lighter = [finding("ruff:W1", severity=s) for s in (Severity.WARNING, Severity.NOTE)]
    assert new_entries(verdict(*lighter, finding("NAD801")), []) == []


def test_an_entry_that_stays_keeps_its_reason() -> None:
    judged = verdict(finding("ruff:F401"), finding("ruff:F401", "new"))
    old = [known("ruff:F401"), known("ruff:E501")]
    assert [one.reason for one in new_entries(judged, old)] == ["ours", ADOPTED]


def test_entries_of_checks_that_did_not_run_stay() -> None:
    old = [known("ruff:F401"), known("bandit:B602"), known("unheard:of")]
    rest = not_judged(verdict(), old, load_checks())
    assert [one.rule for one in rest] == ["bandit:B602", "unheard:of"]
    assert len(not_judged(verdict(status="error"), old, load_checks())) == 3


@pytest.mark.parametrize(
    ("unseen", "stays"), [("a.py", True), ("tests", False), ("a", False), ("b.py", False)]
)
def test_entries_that_the_run_could_not_see_stay(unseen: str, stays: bool) -> None:
    judged = verdict(unseen=[unseen], status="pass")
    assert kept_and_new(judged, [known("ruff:F401")], load_checks()) == (
        [Entry("ruff:F401", "f", "a.py", "ours")] if stays else []
    )


def test_an_unseen_folder_stands_for_all_below_it() -> None:
    old = [Known(Entry("pytest:failed", "f", "tests/deep/test_a.py", "ours"), "", 1)]
    judged = verdict(name="pytest", unseen=["tests"])
    assert not_judged(judged, old, load_checks()) == [old[0].entry]


def test_what_is_found_on_an_unseen_path_is_one_entry() -> None:
    judged = verdict(finding("ruff:F401"), unseen=["a.py"])
    entries = kept_and_new(judged, [known("ruff:F401"), known("bandit:B602")], load_checks(), "new")
    assert [(one.rule, one.reason) for one in entries] == [
        ("ruff:F401", "ours"),
        ("bandit:B602", "ours"),
    ]


def test_stale_entries_are_those_that_the_gate_named() -> None:
    judged = verdict(finding("NAD801", line=4), finding("ruff:F401", line=5))
    assert stale_entries(judged) == {("a.py", 4)}


def test_secrets_get_a_file_of_their_own(tmp_path: Path) -> None:
    entries = [Entry("ruff:F401", "f", "a.py"), Entry("detect-secrets:X", "g", "b.py")]
    changes = baseline_changes(tmp_path, entries)
    assert [change.path.name for change in changes] == ["baseline", "secrets.baseline"]
    assert changes[1].after.startswith(b"detect-secrets:X\tg\tb.py\t")
    assert changes[0].before is None
    assert not (tmp_path / ".nadia").exists()
    assert len(baseline_changes(tmp_path, entries[:1])) == 1
