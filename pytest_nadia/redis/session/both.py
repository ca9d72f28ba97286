"""`--nadia-redis=both`: a test runs twice inside its one item, and the outcomes are compared."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol

from pytest_nadia.redis.session.choice import Choice
from pytest_nadia.redis.session.keys import RECORDS, SIDE, drop
from pytest_nadia.redis.session.manager import wanted_choice
from pytest_nadia.redis.session.marker import marker_of
from pytest_nadia.redis.session.told import add_told, told_by
from pytest_nadia.redis.session.usage import uses_redis

if TYPE_CHECKING:
    from pytest_nadia.redis.wire import CommandRecord

_SIDES = (Choice("embedded"), Choice("server"))


@dataclass(frozen=True, slots=True)
class Run:
    """One of the two runs of a test, on the kind of Redis that it is named after."""

    name: str
    reports: list[pytest.TestReport]
    records: list[CommandRecord]

    @property
    def outcome(self) -> str:
        return next(filter(None, map(_outcome, self.reports)), "passed")

    @property
    def had_redis(self) -> bool:
        return not any("no_redis" in told_by(report) for report in self.reports)

    @property
    def cause(self) -> str:
        """The failure's first line: the others may show a port, or an address in memory."""
        crash = getattr(_failed_report(self).longrepr, "reprcrash", None)
        text = crash.message if crash else self.failure
        return text.partition("\n")[0]

    @property
    def failure(self) -> str:
        """What the run says of itself where it did not pass."""
        return "\n".join(filter(None, map(_text, self.reports)))


def _outcome(report: pytest.TestReport) -> str:
    """How the report ends its test, or ""."""
    if hasattr(report, "wasxfail"):
        return {"skipped": "xfailed", "passed": "xpassed"}.get(report.outcome, report.outcome)
    return "" if report.passed else report.outcome


def _text(report: pytest.TestReport) -> str:
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    return report.longreprtext


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    if not uses_redis(item) or wanted_choice(item).kind != "both":
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _run_twice(item, nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _run_twice(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    first, second = _SIDES
    # A sibling as the next item: the fixtures of a wider scope must survive.
    left = _run(item, first, copy.copy(item))
    if stopped := item.session.shouldstop or item.session.shouldfail:
        return _half(item, left, str(stopped))
    right = _run(item, second, nextitem)
    return _one_set(item, left, right)


def _half(item: pytest.Item, left: Run, reason: str) -> list[pytest.TestReport]:
    """The run was stopped before the second time: nobody knows whether the test passes."""
    if left.outcome not in ("failed", "skipped"):
        from pytest_nadia.redis.session.divergence import half_run

        half_run(item, left, reason)
    return left.reports


def _run(item: pytest.Item, side: Choice, nextitem: pytest.Item | None) -> Run:
    item.stash[SIDE] = side
    properties = list(item.user_properties)
    try:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        return Run(side.kind, reports, item.stash.get(RECORDS, []))
    finally:
        # The next run starts like the first.
        item.user_properties[:] = properties
        item._report_sections.clear()
        drop(item, RECORDS, SIDE)


def _one_set(item: pytest.Item, left: Run, right: Run) -> list[pytest.TestReport]:
    if not left.had_redis or not right.had_redis:
        shown = right if left.had_redis else left
    elif left.outcome == right.outcome:
        shown = _agreed(item, left, right)
    else:
        shown = _differed(item, left, right)
    _add(shown, left if shown is right else right)
    return shown.reports


def _agreed(item: pytest.Item, left: Run, right: Run) -> Run:
    reason = marker_of(item).diverges
    if left.outcome == "failed":
        if left.cause != right.cause:
            from pytest_nadia.redis.session.divergence import explain

            replies = explain(left.records, right.records, (left.name, right.name))
            _failed_report(left).sections += [
                (f"the failure on {right.name}", right.failure),
                (f"replies on {left.name} and on {right.name}", "\n".join(replies)),
            ]
    elif reason and left.outcome != "skipped":
        from pytest_nadia.redis.session.divergence import no_longer

        no_longer(item, left.reports, reason)
    return left


def _differed(item: pytest.Item, left: Run, right: Run) -> Run:
    if reason := marker_of(item).diverges:
        shown = right if left.outcome == "failed" else left
        add_told(shown.reports[-1], {"diverged": reason})
        return shown
    from pytest_nadia.redis.session.divergence import diverge

    shown = right if right.outcome == "failed" else left
    diverge(item, shown, left, right)
    return shown


def _failed_report(run: Run) -> pytest.TestReport:
    return next(report for report in run.reports if report.failed)


def _add(shown: Run, other: Run) -> None:
    """What the run that is not shown took and told."""
    lost = {report.when: report for report in other.reports}
    for report in shown.reports:
        if twin := lost.get(report.when):
            report.duration += twin.duration
            add_told(report, told_by(twin))
