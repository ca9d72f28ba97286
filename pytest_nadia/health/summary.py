"""The matrices of a run: in the reports that carry them, and at the end of what pytest prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.terminal import TerminalReporter

    from pytest_nadia.health.result import HealthResult

RECORD = "health"
_ATTRIBUTE = "nadia_health"
_TOLD = pytest.StashKey[list["Told"]]()


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
    item.stash[_TOLD] = [
        Told(headline=result.headline, lines=table(row for row in result.rows if row.is_wrong))
        for result in found
    ]


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    if _TOLD in item.stash:
        setattr(report, _ATTRIBUTE, item.stash[_TOLD])
        del item.stash[_TOLD]


class Summary:
    """Where the reports arrive: the only process, or the controller of pytest-xdist."""

    def __init__(self) -> None:
        self._told: list[tuple[str, Told]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told: Any = getattr(report, _ATTRIBUTE, ())
        self._told += [(report.nodeid, each) for each in told]

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        if not self._told:
            return
        terminalreporter.section("health")
        for test, told in self._told:
            terminalreporter.line(f"{told['headline']}  ({test})")
            for line in told["lines"]:
                terminalreporter.line(line)
