"""The findings of a verdict as lines: all of them, or when there are many their counts."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from nadia_checks.core.advice import to_read
from nadia_checks.report.lines import EMPTY, Line, Span, line
from nadia_checks.report.wording import count, one_line, shortened, visible
from pytest_nadia.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.core.verdict import CheckResult, JudgedFinding, Verdict

MANY = 50
WORST = 5
RULES = 8
LONGEST = 2000
BRIEF = 100


def findings_lines(verdict: Verdict, everything: str) -> Iterator[Line]:
    """What the baseline does not know; `everything` is the command that shows all of many."""
    new = to_read(verdict)
    if len(new) > MANY:
        yield from _many(new, everything)
    else:
        yield from chain.from_iterable(_of_check(result) for result in verdict.checks)


def tally(findings: list[JudgedFinding]) -> str:
    """How many there are: errors as findings, and what weighs less by its name."""
    numbers = Counter(finding.severity for finding in findings)
    nouns = {Severity.ERROR: "finding", Severity.WARNING: "warning", Severity.NOTE: "note"}
    return ", ".join(count(numbers[one], noun) for one, noun in nouns.items() if numbers[one])


def _of_check(result: CheckResult) -> Iterator[Line]:
    new = [finding for finding in result.findings if not finding.baselined]
    if new:
        yield line(Span(f"{result.name}: {tally(new)}", "strong"))
        for finding in new:
            yield from _finding(finding, LONGEST)
        yield EMPTY


def _many(new: list[JudgedFinding], everything: str) -> Iterator[Line]:
    rules = Counter(visible(finding.rule) for finding in new)
    common = rules.most_common(RULES)
    rest = len(new) - sum(number for _, number in common)
    yield line(Span(f"{tally(new)}, by rule:", "strong"))
    for rule, number in common:
        yield line(f"{number:8}  {rule}")
    if rest:
        yield line(f"{rest:8}  of {count(len(rules) - RULES, 'other rule')}")
    yield from (EMPTY, line(Span(f"the worst {WORST}:", "strong")))
    for finding in new[:WORST]:
        yield from _finding(finding, BRIEF)
    yield from (EMPTY, line(f"all of them: {visible(everything)}", whole=True), EMPTY)


def _finding(finding: JudgedFinding, longest: int) -> Iterator[Line]:
    message = shortened(one_line(finding.message), longest)
    yield line("  ", *_place(finding, longest), *_rule(finding), " ", message, indent=4)
    if finding.help:
        yield line("    -> ", shortened(one_line(finding.help), longest), indent=7)


def _place(finding: JudgedFinding, longest: int) -> Iterator[Span]:
    if finding.path:
        position = [number for number in (finding.line, finding.column) if number]
        parts = [shortened(visible(finding.path), longest), *map(str, position)]
        yield Span(":".join(parts), "place")
        yield Span(" ")


def _rule(finding: JudgedFinding) -> Iterator[Span]:
    yield Span(visible(finding.rule), "bad" if finding.severity is Severity.ERROR else "warn")
    if finding.severity is not Severity.ERROR:
        yield Span(f" {finding.severity}:", "warn")
