"""The rules that the core itself gives; each check names its own beside its code."""

from __future__ import annotations

from pytest_nadia.finding import Rule, Severity

STALE_ENTRY = Rule(
    number="NAD801",
    name="stale-baseline-entry",
    severity=Severity.ERROR,
    what="A line of the baseline matches no finding any more.",
    why=(
        "The defect was repaired. Left in place the line would let the same defect back in "
        "without a word."
    ),
    repair="nadia baseline prune",
    bad="a line in .nadia/baseline for a test that passes again",
    good="the line removed, in the same commit as the repair",
)
