"""What is seen of a daemon, against what its schedule promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_nadia.alerts.scheduling.watch import Plan, watch

if TYPE_CHECKING:
    from pytest_nadia.alerts.scheduling.watch import MakeDaemon, Result, Watched


@dataclass(frozen=True)
class Schedule:
    """What is expected of a daemon. All times in seconds."""

    periods: Mapping[str, float]
    over: float
    slowest: Mapping[str, float]
    failures: int
    stop_within: float
    tolerance: float


@dataclass
class Findings:
    """What was measured, and one line for each promise that is not kept."""

    runs: dict[str, int] = field(default_factory=dict)
    largest_gap: dict[str, float] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    stop_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Judge:
    """Watches a daemon in several situations, each from its start."""

    def __init__(self, make_daemon: MakeDaemon, schedule: Schedule) -> None:
        self._make_daemon, self._schedule = make_daemon, schedule
        self.findings = Findings()

    def judge_all(self) -> Findings:
        if self._runs_on_time():
            for name in self._schedule.periods:
                self._judge_slow(name)
                self._judge_failures(name)
            self._judge_stop_when_busy()
        return self.findings

    def _runs_on_time(self) -> bool:
        """With all checks quick; if not, the rest would only say it again."""
        over = self._schedule.over
        seen = self._watch("all checks quick", self._plan(over))
        if seen.ended:
            return False
        self._judge_stop("between two checks", seen)
        judged = [self._judge_runs(name, seen) for name in seen.starts]
        return all(judged)

    def _judge_runs(self, name: str, seen: Watched) -> bool:
        over, period = self._schedule.over, self._schedule.periods[name]
        runs = sum(start <= over for start in seen.starts[name])
        self.findings.runs[name] = runs
        expected = int(over / period)
        if expected <= runs <= expected + 1:
            return self._judge_gap(name, seen, "")
        self._problem(
            f"{name}: {runs} runs in {over:g} s, expected {expected} (every {period:g} s)"
        )
        return False

    def _judge_slow(self, slow: str) -> None:
        duration = self._schedule.slowest[slow]
        situation = f"when {slow} takes {duration:g} s"
        plan = self._plan(self._schedule.over, durations={slow: duration})
        seen = self._watch(situation, plan)
        if not seen.ended:
            for name in self._schedule.periods:
                self._judge_gap(name, seen, f" {situation}", duration if name == slow else 0.0)

    def _judge_gap(self, name: str, seen: Watched, situation: str, duration: float = 0.0) -> bool:
        """A check that takes its whole period, or more, may skip a beat."""
        period = self._schedule.periods[name]
        limit = period if duration < period else period + duration
        points = [0.0, *seen.starts[name], self._schedule.over]
        gap = max(later - earlier for earlier, later in pairwise(points))
        largest = self.findings.largest_gap
        largest[name] = max(gap, largest.get(name, 0.0))
        if gap > limit + self._schedule.tolerance:
            self._problem(f"{name}: {gap:g} s without a run{situation}, limit {limit:g} s")
            return False
        return True

    def _judge_failures(self, name: str) -> None:
        few, many = self._schedule.failures - 1, self._schedule.failures
        fail: Result = "fails"
        error: Result = "raises"
        results: list[Result] = ["ok", *[fail] * few, "ok", *[fail] * (many + 1), "ok"]
        results += [*[error] * many, "ok"]
        over = self._schedule.periods[name] * (len(results) + 1)
        seen = self._watch(f"while {name} fails", self._plan(over, results={name: tuple(results)}))
        if seen.ended:
            return
        places = [alarm[name] for alarm in seen.alarms]
        self.findings.alerts[name] = len(places)
        self._judge_incident(name, f"{few} failures in a row", _between(places, 0, few + 2), 0)
        first, second = few + 2, few + many + 4
        self._judge_incident(
            name, f"{many + 1} failures in a row", _between(places, first, second), many
        )
        self._judge_incident(
            name, f"{many} errors in a row", _between(places, second, len(results) + 9), many
        )

    def _judge_incident(self, name: str, what: str, places: list[int], due: int) -> None:
        """`places`: after how many runs since the last good one each alert came."""
        if len(places) != bool(due):
            self._problem(f"{name}: {what} gave {len(places)} alerts, expected {int(bool(due))}")
        elif due and places[0] != due:
            self._problem(f"{name}: {what} gave the alert at number {places[0]}, expected {due}")

    def _judge_stop_when_busy(self) -> None:
        durations = dict(self._schedule.slowest)
        plan = self._plan(self._schedule.over, durations=durations, stop_when_busy=True)
        situation = "in the middle of a check"
        seen = self._watch(situation, plan)
        if not seen.ended:
            self._judge_stop(situation, seen)

    def _watch(self, situation: str, plan: Plan) -> Watched:
        seen = watch(self._make_daemon, plan)
        if seen.ended:
            self._problem(f"{situation}: {seen.ended}")
        return seen

    def _judge_stop(self, situation: str, seen: Watched) -> None:
        limit = self._schedule.stop_within
        self.findings.stop_seconds = max(self.findings.stop_seconds, seen.stop_seconds)
        if seen.stop_seconds > limit:
            self._problem(f"{situation}: stop() took {seen.stop_seconds:g} s, limit {limit:g} s")
        if seen.runs_after_stop:
            self._problem(f"{situation}: {seen.runs_after_stop} runs after stop()")

    def _plan(
        self,
        over: float,
        *,
        durations: Mapping[str, float] | None = None,
        results: Mapping[str, tuple[Result, ...]] | None = None,
        stop_when_busy: bool = False,
    ) -> Plan:
        """It is watched a second longer, for what is due at the very end."""
        names = tuple(self._schedule.periods)
        return Plan(names, over + 1, durations or {}, results or {}, stop_when_busy)

    def _problem(self, line: str) -> None:
        if line not in self.findings.problems:
            self.findings.problems.append(line)


def _between(places: list[int], after: int, until: int) -> list[int]:
    return [place - after for place in places if after < place <= until]
