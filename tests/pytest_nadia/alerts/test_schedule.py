"""A daemon that keeps its schedule passes; each way to miss it is named with its numbers."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.alerts.schedule import (
    Alarm,
    Check,
    MakeDaemon,
    ScheduleError,
    assert_schedule,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIODS = {"health": 300.0, "redis": 600.0, "cleanup": 14_400.0, "report": 43_200.0}


class Right:
    """Each check has a task of its own, which keeps to multiples of the period."""

    failures_to_alert = 3

    def __init__(self, checks: Mapping[str, Check], alarm: Alarm) -> None:
        self.checks, self.alarm = checks, alarm
        self.stopped = asyncio.Event()
        self.failed = dict.fromkeys(checks, 0)

    async def run(self) -> None:
        tasks = [asyncio.create_task(self.repeat(name)) for name in self.checks]
        await self.stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        self.stopped.set()

    async def repeat(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.check(name)
            due += PERIODS[name]
            await asyncio.sleep(due - loop.time())

    async def check(self, name: str) -> None:
        try:
            good = await self.checks[name]()
        except Exception:
            good = False
        self.failed[name] = 0 if good else self.failed[name] + 1
        if self.failed[name] == self.failures_to_alert:
            self.alarm(f"{name} failed {self.failures_to_alert} times")


class FirstAfterAPeriod(Right):
    async def repeat(self, name: str) -> None:
        await asyncio.sleep(PERIODS[name])
        await super().repeat(name)

    async def stop(self) -> None:  # type: ignore[override]
        self.stopped.set()


class Sequential(Right):
    """One check at a time, looked for every second."""

    async def run(self) -> None:
        due = dict.fromkeys(self.checks, 0.0)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while not self.stopped.is_set():
            for name in self.checks:
                if loop.time() - begin >= due[name]:
                    due[name] += PERIODS[name]
                    await self.check(name)
            await asyncio.sleep(min(due.values()) - (loop.time() - begin))


class Drifts(Right):
    async def repeat(self, name: str) -> None:
        while True:
            await self.check(name)
            await asyncio.sleep(PERIODS[name])


class TenSecondsLate(Right):
    async def repeat(self, name: str) -> None:
        while True:
            await self.check(name)
            await asyncio.sleep(PERIODS[name] + 10)


class OneTooFew(Right):
    async def repeat(self, name: str) -> None:
        await asyncio.sleep(PERIODS[name] * 2)
        await super().repeat(name)


class TwiceAsOften(Right):
    async def repeat(self, name: str) -> None:
        while True:
            await self.check(name)
            await asyncio.sleep(PERIODS[name] / 2)


class BeginsWithTheReport(Right):
    """Looks at the others when the first report is made."""

    async def run(self) -> None:
        self.reported = asyncio.Event()
        await super().run()

    async def repeat(self, name: str) -> None:
        if name != "report":
            await self.reported.wait()
        await super().repeat(name)

    async def check(self, name: str) -> None:
        await super().check(name)
        self.reported.set()


class AlertsAtEachFailure(Right):
    failures_to_alert = 1


class GoesOnAlerting(Right):
    async def check(self, name: str) -> None:
        await super().check(name)
        if self.failed[name] > self.failures_to_alert:
            self.alarm(f"{name} still fails")


class AlertsLate(Right):
    failures_to_alert = 4


class NeverForgives(Right):
    """Counts failures, in a row or not."""

    async def check(self, name: str) -> None:
        before = self.failed[name]
        await super().check(name)
        self.failed[name] = max(before, self.failed[name])


class DiesOfAnError(Right):
    async def run(self) -> None:
        tasks = [asyncio.create_task(self.repeat(name)) for name in self.checks]
        tasks.append(asyncio.create_task(self.end()))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*done)

    async def end(self) -> None:
        await self.stopped.wait()

    async def check(self, name: str) -> None:
        await self.checks[name]()


class StopsAfterTheSleep(Right):
    """Looks whether it is to stop once a minute."""

    async def run(self) -> None:
        tasks = [asyncio.create_task(self.repeat(name)) for name in self.checks]
        while not self.stopped.is_set():
            await asyncio.sleep(60)
        for task in tasks:
            task.cancel()


class WaitsForTheCheck(Right):
    async def repeat(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.stopped.is_set():
            await self.check(name)
            due += PERIODS[name]
            waiting = asyncio.create_task(self.stopped.wait())
            await asyncio.wait([waiting], timeout=due - loop.time())
            waiting.cancel()

    async def run(self) -> None:
        await asyncio.gather(*(self.repeat(name) for name in self.checks))


class LeavesTasksBehind(Right):
    async def run(self) -> None:
        self.tasks = [asyncio.create_task(self.repeat(name)) for name in self.checks]
        await self.stopped.wait()


class CannotStop(Right):
    def stop(self) -> None:
        raise OSError("no PID file")


class Forgets(Right):
    async def repeat(self, name: str) -> None:
        if name != "cleanup":
            await super().repeat(name)


def problems_of(daemon: MakeDaemon, **options: Any) -> str:
    with pytest.raises(ScheduleError) as caught:
        assert_schedule(daemon, PERIODS, **options)
    assert str(caught.value) == "\n  ".join(["the schedule is not kept:", *caught.value.problems])
    return "\n".join(caught.value.problems)


def test_a_right_daemon_passes_and_the_report_has_the_numbers() -> None:
    report = assert_schedule(Right, PERIODS)
    assert report.runs == {"health": 289, "redis": 145, "cleanup": 7, "report": 3}
    assert report.largest_gap == pytest.approx(PERIODS)
    assert report.alerts == dict.fromkeys(PERIODS, 2)
    assert report.stop_seconds == 0


def test_the_first_run_may_come_after_a_period() -> None:
    periods = {name: timedelta(seconds=period) for name, period in PERIODS.items()}
    report = assert_schedule(FirstAfterAPeriod, periods, timedelta(days=1))
    assert report.runs == {"health": 288, "redis": 144, "cleanup": 6, "report": 2}


def test_a_check_that_takes_its_whole_period_may_skip_a_beat() -> None:
    report = assert_schedule(Right, PERIODS, slowest={"health": 300})
    assert report.largest_gap["redis"] == pytest.approx(600)


@pytest.mark.parametrize(
    ("daemon", "problem"),
    [
        (Sequential, "redis: 750 s without a run when health takes 150 s, limit 600 s"),
        (Drifts, "health: 450 s without a run when health takes 150 s, limit 300 s"),
    ],
)
def test_a_slow_check_must_not_delay_the_others(daemon: MakeDaemon, problem: str) -> None:
    assert problem in problems_of(daemon)


def test_a_slow_first_run_must_not_delay_the_others() -> None:
    problems = problems_of(BeginsWithTheReport, slowest={"report": 400})
    assert "health: 400 s without a run when report takes 400 s, limit 300 s" in problems


@pytest.mark.parametrize(
    ("daemon", "problem"),
    [
        (TenSecondsLate, "health: 279 runs in 86400 s, expected 288 (every 300 s)"),
        (Forgets, "cleanup: 0 runs in 86400 s, expected 6 (every 14400 s)"),
        (OneTooFew, "health: 287 runs in 86400 s, expected 288 (every 300 s)"),
        (TwiceAsOften, "health: 577 runs in 86400 s, expected 288 (every 300 s)"),
        (AlertsAtEachFailure, "health: 2 failures in a row gave 1 alerts, expected 0"),
        (GoesOnAlerting, "report: 4 failures in a row gave 2 alerts, expected 1"),
        (AlertsLate, "redis: 4 failures in a row gave the alert at number 4, expected 3"),
        (AlertsLate, "redis: 3 errors in a row gave 0 alerts, expected 1"),
        (NeverForgives, "health: 4 failures in a row gave the alert at number 1, expected 3"),
        (DiesOfAnError, "while health fails: run() ended after 2700 s: RuntimeError: health"),
        (StopsAfterTheSleep, "between two checks: stop() took 59 s, limit 5 s"),
        (WaitsForTheCheck, "in the middle of a check: stop() took 299 s, limit 5 s"),
        (LeavesTasksBehind, "between two checks: 440 runs after stop()"),
        (CannotStop, "all checks quick: stop() failed: OSError: no PID file"),
    ],
)
def test_what_is_wrong_is_named_with_its_numbers(daemon: MakeDaemon, problem: str) -> None:
    assert problem in problems_of(daemon)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("nadia-no-such-program --once", "health: there is no program 'nadia-no-such-program'"),
        ([sys.executable, "-m", "no_such_module"], "health: there is no module 'no_such_module'"),
        (f"{sys.executable} gone/health.py", "health: there is no file 'gone/health.py'"),
        ("asyncio:no_such_function", "health: asyncio:no_such_function cannot be imported"),
        ("sys:path", "health: sys:path cannot be called"),
        ("", "health: the command is empty"),
    ],
)
def test_commands_that_do_not_exist_are_named(command: str | list[str], missing: str) -> None:
    with pytest.raises(ScheduleError, match=missing):
        assert_schedule(Right, {"health": 300}, 900, commands={"health": command})


@pytest.mark.parametrize(
    "command", [[sys.executable, "-m", "json.tool"], "asyncio:Event.set", f"{sys.executable} -V"]
)
def test_commands_that_exist_pass(command: str | list[str]) -> None:
    assert_schedule(Right, {"health": 300}, 900, commands={"health": command})


@pytest.mark.parametrize(
    ("expected", "options", "message"),
    [
        ({}, {}, "a schedule needs a check"),
        ({"health": 0}, {}, "periods over 0"),
        ({"health": 60}, {"failures": 0}, "1 failure or more"),
        ({"health": 60}, {"over": 59}, "over must be the longest period, 60 s, or more"),
        ({"health": 60}, {"slowest": {"heatlh": 1}}, "not in `expected`: heatlh"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    expected: dict[str, float], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        assert_schedule(Right, expected, **options)


async def in_a_loop() -> None:
    assert_schedule(Right, PERIODS)


def test_it_says_so_inside_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match="call it from a test that is not async"):
        asyncio.run(in_a_loop())
