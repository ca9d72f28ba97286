"""Does a monitoring daemon run its checks when it should, also when one of them is slow?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pytest_nadia.alerts.scheduling.commands import missing_command
from pytest_nadia.alerts.scheduling.judge import Findings, Judge, Schedule
from pytest_nadia.alerts.scheduling.watch import Alarm, Check, Daemon, MakeDaemon

__all__ = [
    "Alarm",
    "Check",
    "Daemon",
    "MakeDaemon",
    "ScheduleError",
    "ScheduleReport",
    "assert_schedule",
]

Seconds = float | timedelta

_DAY = timedelta(hours=24)
_LONGEST_CHECK_SECONDS = 300.0


@dataclass(frozen=True)
class ScheduleReport:
    """What was measured, by name of the check.

    `runs` with all checks quick; `largest_gap` in seconds between two starts, slow checks
    included; `alerts` while the check failed; `stop_seconds`: the longest `stop()`.
    """

    runs: Mapping[str, int]
    largest_gap: Mapping[str, float]
    alerts: Mapping[str, int]
    stop_seconds: float


class ScheduleError(AssertionError):
    """What `assert_schedule` found: `problems`, one line each, and the `report`."""

    def __init__(self, problems: tuple[str, ...], report: ScheduleReport) -> None:
        self.problems, self.report = problems, report
        super().__init__("\n  ".join(["the schedule is not kept:", *problems]))


def assert_schedule(
    daemon: MakeDaemon,
    expected: Mapping[str, Seconds],
    over: Seconds = _DAY,
    *,
    slowest: Mapping[str, Seconds] | None = None,
    failures: int = 3,
    commands: Mapping[str, str | Sequence[str]] | None = None,
    stop_within: Seconds = 5,
    tolerance: Seconds = 1,
) -> ScheduleReport:
    """Watch a daemon at work for `over`, in virtual time, and again in each bad situation.

    `daemon(checks, alarm)` makes it: `checks` has an async callable for each name in `expected`,
    which gives True when all is well, and `alarm(text)` is to be called to alert. `expected` maps
    names to periods. All times are timedeltas or seconds.

    What must hold: each check runs once a period, and no gap is longer by more than `tolerance`;
    also while one check takes the longest that it may (`slowest`; else half its period, 300 s at
    most); `failures` bad results or exceptions in a row give exactly one alert, at the last of
    them, and so does one failure more; `stop()` makes `run()` return `stop_within`, also in the
    middle of a check; each of `commands`, by name of the check, exists.

    Raises ScheduleError with the numbers, ValueError for what makes no sense, RuntimeError inside
    a running event loop.
    """
    __tracebackhide__ = True
    schedule = _schedule(expected, over, slowest or {}, failures, stop_within, tolerance)
    unknown = sorted({*(slowest or {}), *(commands or {})} - set(expected))
    if unknown:
        raise ValueError(f"not in `expected`: {', '.join(unknown)}")
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(
            "assert_schedule runs event loops of its own: call it from a test that is not async"
        )
    findings = Judge(daemon, schedule).judge_all()
    problems = [*findings.problems, *_missing(commands or {})]
    report = _report(findings)
    if problems:
        raise ScheduleError(tuple(problems), report)
    return report


def _schedule(
    expected: Mapping[str, Seconds],
    over: Seconds,
    slowest: Mapping[str, Seconds],
    failures: int,
    stop_within: Seconds,
    tolerance: Seconds,
) -> Schedule:
    periods = {name: _seconds(period) for name, period in expected.items()}
    if not periods or min(periods.values()) <= 0 or failures < 1:
        raise ValueError("a schedule needs a check, periods over 0, and 1 failure or more to alert")
    if _seconds(over) < max(periods.values()):
        raise ValueError(f"over must be the longest period, {max(periods.values()):g} s, or more")
    longest = {name: min(period / 2, _LONGEST_CHECK_SECONDS) for name, period in periods.items()}
    longest |= {name: _seconds(duration) for name, duration in slowest.items()}
    return Schedule(
        periods, _seconds(over), longest, failures, _seconds(stop_within), _seconds(tolerance)
    )


def _report(findings: Findings) -> ScheduleReport:
    return ScheduleReport(
        findings.runs, findings.largest_gap, findings.alerts, findings.stop_seconds
    )


def _missing(commands: Mapping[str, str | Sequence[str]]) -> list[str]:
    return [
        f"{name}: {missing}"
        for name, command in commands.items()
        if (missing := missing_command(command))
    ]


def _seconds(value: Seconds) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)
