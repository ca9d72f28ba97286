"""What is printed of the Redis of the tests, and the exit status of a run that had none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.session.told import told_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from _pytest.terminal import TerminalReporter

_MOST_PLACES = 10
USELESS_PATHS = "nadia_redis_useless_paths"
OVERRIDES = "nadia_redis_overrides"


class Summary:
    """Where the reports arrive: the only process, or the controller of pytest-xdist."""

    def __init__(self) -> None:
        self.header_shown = False
        self._backends: set[str] = set()
        self._no_redis: dict[str, list[tuple[str, str]]] = {}
        self._diverged: dict[str, str] = {}
        self._notes: dict[str, dict[str, list[tuple[str, str]]]] = {}
        self._overrides: set[str] = set()
        self._useless_paths: dict[str, None] = {}

    def add_useless_paths(self, lines: Iterable[str]) -> None:
        self._useless_paths.update(dict.fromkeys(lines))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = told_by(report)
        if backend := told.get("backend"):
            self._backends.add(backend)
        if pair := told.get("no_redis"):
            first, line = pair
            self._no_redis.setdefault(first, []).append((report.nodeid, line))
        if reason := told.get("diverged"):
            self._diverged[report.nodeid] = reason
        for rule, place, message, repair in told.get("notes", ()):
            places = self._notes.setdefault(rule, {})
            places.setdefault(place, []).append((message, repair))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        output = getattr(node, "workeroutput", {})
        self.add_useless_paths(output.get(USELESS_PATHS, ()))
        self._overrides.update(output.get(OVERRIDES, ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._no_redis and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        # A quiet run of one process does not tell either what was used.
        used = self._used() if terminalreporter.verbosity >= 0 else ()
        lines = [*used, *self._lines()]
        if lines:
            terminalreporter.section("Redis")
        for line in lines:
            terminalreporter.line(line)

    def _used(self) -> Iterator[str]:
        if self._backends and not self.header_shown:
            yield f"used: {', '.join(sorted(self._backends))}"
        yield from sorted(self._overrides)

    def _lines(self) -> Iterator[str]:
        for first, told in self._no_redis.items():
            reason = dict(told).get(first, "no Redis")
            after = f"; {_tests(len(told) - 1)} after it skipped" if len(told) > 1 else ""
            yield f"{first} had no Redis, so this run cannot pass: {reason}{after}"
        for test, reason in sorted(self._diverged.items()):
            yield f"{test} differs between embedded and server, as acknowledged: {reason}"
        for rule, places in sorted(self._notes.items()):
            yield from _notes_of(rule, places)
        yield from self._useless_paths


def _notes_of(rule: str, places: Mapping[str, list[tuple[str, str]]]) -> Iterator[str]:
    """One line a place, what to do above them."""
    repairs = [repair for told in places.values() for _, repair in told]
    common = repairs[0] if len(set(repairs)) == 1 else ""
    yield f"{rule}: {common}" if common else rule
    for place, told in sorted(places.items())[:_MOST_PLACES]:
        times = f" ({len(told)} times)" if len(told) > 1 else ""
        message, repair = told[0]
        yield f"  {place}{times}: {message}{'' if common else f'; {repair}'}"
    if len(places) > _MOST_PLACES:
        yield f"  ... and {len(places) - _MOST_PLACES} more places"


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"
