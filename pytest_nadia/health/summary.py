"""The matrices of a run: in the reports that carry them, and at the end of what pytest prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from pytest_nadia.health.fixtures import ATTRIBUTE, TOLD

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest
    from _pytest.terminal import TerminalReporter

    from pytest_nadia.health.result import HealthResult

RECORD = "health"


class Told(TypedDict):
    """Plain JSON, because pytest-xdist sends reports as text."""

    headline: str
    lines: list[str]


def tell(item: pytest.Item, results: Iterable[HealthResult]) -> None:
    """Let the test's reports carry what its matrices found."""
    from pytest_nadia.health.result import table
    from pytest_nadia.recording import record_extra

    found = list(results)
    if not found:
        return
    record_extra(item, RECORD, [result.record() for result in found])
    item.stash[TOLD] = [
        Told(headline=result.headline, lines=table(row for row in result.rows if row.is_wrong))
        for result in found
    ]


def show(terminalreporter: TerminalReporter, reports: Iterable[pytest.TestReport]) -> None:
    """Print what the reports carry."""
    terminalreporter.section("health")
    for report in reports:
        for told in getattr(report, ATTRIBUTE):
            terminalreporter.line(f"{told['headline']}  ({report.nodeid})")
            for line in told["lines"]:
                terminalreporter.line(line)
