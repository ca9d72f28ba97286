"""From a verdict to the lines of the baseline, and back to files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.adoption.change import Change, read_bytes
from nadia_checks.core import baseline
from nadia_checks.core.check import owns
from nadia_checks.core.rules import STALE_ENTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nadia_checks.core.check import Check
    from nadia_checks.core.verdict import Verdict


def new_entries(
    verdict: Verdict, old: Iterable[baseline.Known], reason: str = baseline.ADOPTED
) -> list[baseline.Entry]:
    """An entry for each failing finding; one that stays keeps its reason."""
    reasons = {known.entry.key: known.entry.reason for known in old}
    found = [
        baseline.entry_for(finding, reasons.get((finding.rule, finding.fingerprint), reason))
        for result in verdict.checks
        for finding in result.failing
        if finding.rule != STALE_ENTRY.number
    ]
    return list({entry.key: entry for entry in found}.values())


def of_other_checks(
    verdict: Verdict, old: Iterable[baseline.Known], checks: Mapping[str, Check]
) -> list[baseline.Entry]:
    """The entries that this verdict says nothing about: their check did not run to its end."""
    ran = [checks[one.name] for one in verdict.checks if one.status in ("pass", "fail")]
    return [one.entry for one in old if not any(owns(check, one.entry.rule) for check in ran)]


def stale_entries(verdict: Verdict) -> set[tuple[str, int]]:
    """File and line of the entries that match nothing any more."""
    return {
        (finding.path, finding.line)
        for result in verdict.checks
        for finding in result.findings
        if finding.rule == STALE_ENTRY.number
    }


def baseline_changes(root: Path, entries: Iterable[baseline.Entry]) -> list[Change]:
    """The changes that write these entries; a file that would hold none is left out."""
    with tempfile.TemporaryDirectory(prefix="nadia-") as scratch:
        baseline.write(Path(scratch), entries)
        written = {name: read_bytes(Path(scratch) / name) for name in baseline.FILES}
    return [
        Change(root / name, read_bytes(root / name), after)
        for name, after in written.items()
        if after is not None
    ]
