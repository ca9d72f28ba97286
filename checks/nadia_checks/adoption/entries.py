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
    from collections.abc import Iterable, Mapping, Sequence

    from nadia_checks.core.check import Check
    from nadia_checks.core.verdict import CheckResult, Verdict


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


def not_judged(
    verdict: Verdict, old: Iterable[baseline.Known], checks: Mapping[str, Check]
) -> list[baseline.Entry]:
    """The entries that this verdict says nothing about.

    Their check did not run to its end, or could not see their path.
    """
    ran = [one for one in verdict.checks if one.status in ("pass", "fail")]
    return [
        one.entry for one in old if not any(_saw(run, checks[run.name], one.entry) for run in ran)
    ]


def _saw(result: CheckResult, check: Check, entry: baseline.Entry) -> bool:
    return owns(check, entry.rule) and not baseline.is_unseen(entry.path, result.unseen)


def kept_and_new(
    verdict: Verdict,
    old: Sequence[baseline.Known],
    checks: Mapping[str, Check],
    reason: str = baseline.ADOPTED,
) -> list[baseline.Entry]:
    """All that a baseline holds after this verdict: what fails, and what it says nothing about."""
    entries = [*new_entries(verdict, old, reason), *not_judged(verdict, old, checks)]
    return list({entry.key: entry for entry in entries}.values())


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
