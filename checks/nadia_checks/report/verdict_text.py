"""The verdict as lines: the table of the checks, and the decision in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nadia_checks.core.advice import out_of_time
from nadia_checks.report.findings_text import tally
from nadia_checks.report.lines import EMPTY, Line, Span, Style, line
from nadia_checks.report.wording import count, one_line, shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nadia_checks.core.verdict import CheckResult, Verdict

LONGEST = 300
UNTOLD = ("run", "bytes", "binary", "statements_counted", "branches_counted")


class Widths(NamedTuple):
    """Of the columns whose width depends on what is in them."""

    name: int
    status: int

    def row(self, name: str, status: str, time: str, new: str, known: str) -> str:
        return f"{name:<{self.name}}{status:<{self.status}}{time:>7}{new:>6}{known:>7}  "


def title_lines(root: Path, preview: bool) -> Iterator[Line]:
    if preview:
        yield line(Span(f"preview of {visible(str(root))}", "strong"))
        yield line("Nothing is configured here yet, and nothing was written.")
        yield line("Tests were collected, but not run.")
        yield EMPTY


def table_lines(verdict: Verdict, preview: bool) -> Iterator[Line]:
    """One row a check; those that do not apply have their reason instead."""
    names = [one.name for one in verdict.checks] + [one.name for one in verdict.not_applicable]
    wide = max(len(visible(name)) for name in ["check", *names]) + 2
    widths = Widths(wide, len("not finished" if preview else "skipped") + 2)
    if verdict.checks:
        yield line(Span(widths.row("check", "status", "time", "new", "known") + "looked at", "dim"))
    for result in verdict.checks:
        yield _row(result, widths, preview)
    for one in verdict.not_applicable:
        yield line(
            Span(f"{visible(one.name):<{wide}}does not apply: ", "dim"),
            _said(one.reason),
            indent=wide,
        )
    yield EMPTY


def verdict_lines(verdict: Verdict, preview: bool) -> Iterator[Line]:
    word = "preview" if preview else verdict.verdict
    style = "strong" if preview else _style(verdict.verdict)
    ending = f" ({verdict.seconds:.1f} s, exit {int(verdict.exit_code)})"
    told = "; ".join(_in_words(verdict, preview))
    yield line(Span(f"{word.upper()}:", style), f" {told}", ending, indent=2)


def _row(result: CheckResult, widths: Widths, preview: bool) -> Line:
    word = _status(result, preview)
    known = sum(finding.baselined for finding in result.findings)
    ran = result.status in ("pass", "fail")
    numbers = (str(len(result.failing)), str(known)) if ran else ("-", "-")
    row = widths.row(visible(result.name), word, _time(result), *numbers)
    end = widths.name + len(word)
    status = Span(word, _style(result.status))
    return line(row[: widths.name], status, row[end:], _detail(result), indent=len(row))


def _status(result: CheckResult, preview: bool) -> str:
    if preview and out_of_time(result):
        return "not finished"
    # Tests that were only collected did not pass.
    return (
        "not run" if result.status == "pass" and result.metrics.get("run") == 0 else result.status
    )


def _style(word: str) -> Style:
    match word:
        case "pass":
            return "good"
        case "skipped":
            return "warn"
        case _:
            return "bad"


def _time(result: CheckResult) -> str:
    return "-" if result.status == "skipped" else f"{result.seconds:.1f} s"


def _detail(result: CheckResult) -> str:
    """Why it did not run, or how much it looked at, and what it found that weighs less."""
    if result.reason:
        return _said(result.reason)
    parts = [_metric(name, value) for name, value in result.metrics.items()]
    lighter = [one for one in result.findings if not (one.fails or one.baselined)]
    return ", ".join(filter(None, [*parts, tally(lighter), "cached" * result.cached]))


def _metric(name: str, value: float) -> str:
    """A measure in words; "" for one that says nothing to a reader."""
    number = f"{value:.2f}".rstrip("0").rstrip(".")
    if name in ("files", "tests"):
        return f"{number} {name.removesuffix('s') if value == 1 else name}"
    if name in ("lines", "branches"):
        return f"{number} % of {name}"
    return "" if name in UNTOLD or not value else f"{number} {visible(name).replace('_', ' ')}"


def _in_words(verdict: Verdict, preview: bool) -> Iterator[str]:
    failed = [result for result in verdict.checks if result.failing]
    found = sum(len(result.failing) for result in failed)
    missing = [result.name for result in verdict.checks if result.status == "error"]
    skipped = sum(result.status == "skipped" for result in verdict.checks)
    if missing and preview:
        yield f"{', '.join(missing)} did not finish"
    elif missing:
        yield f"{', '.join(missing)} did not run to the end, so nothing can be said"
    elif verdict.verdict == "incomplete":
        yield "no check ran, so nothing can be said"
    if found:
        yield f"{count(found, 'finding')} in {count(len(failed), 'check')}"
    elif verdict.verdict == "pass":
        yield f"nothing new in {count(len(verdict.checks) - skipped, 'check')}"
    if skipped:
        yield f"{count(skipped, 'check')} skipped"


def _said(reason: str) -> str:
    return shortened(one_line(reason), LONGEST)
