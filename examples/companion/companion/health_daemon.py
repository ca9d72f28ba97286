"""Checks on a schedule, and an alert when one fails three times in a row.

Each schedule keeps its own time: a slow check delays no other, and not its own next run either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from companion import deep_health, health, recovery_health
from companion.alerts import Alert
from companion.constants import (
    CHECK_SECONDS,
    FAILURES_IN_A_ROW,
    HEALTH_EVERY,
    RECOVERY_EVERY,
    SENT_LOG_EVERY,
    STOP_SECONDS,
    STORE_EVERY,
)
from companion.report import Component, Report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from companion.alerts import Outcome, Severity
    from companion.config import Settings

log = logging.getLogger("companion")


@dataclass(frozen=True)
class Schedule:
    """Runs `check` every so many seconds, and gives it `seconds` for each run."""

    name: str
    every: float
    check: Callable[[], Awaitable[Report]]
    seconds: float = CHECK_SECONDS


class Sender(Protocol):
    """What an AlertManager is to the daemon."""

    async def send(self, alert: Alert) -> Outcome: ...


class Observer(Protocol):
    """Is told of every run; `seconds` is how long it took."""

    def checked(self, name: str, report: Report, seconds: float) -> None: ...

    def alerted(self, outcome: Outcome) -> None: ...


class Nobody:
    """An Observer that does not look."""

    def checked(self, name: str, report: Report, seconds: float) -> None: ...

    def alerted(self, outcome: Outcome) -> None: ...


@dataclass
class Streak:
    """Failures in a row, by their severity, and for which of them an alert was delivered."""

    length: dict[Severity, int] = field(default_factory=lambda: {"warning": 0, "critical": 0})
    told: set[Severity] = field(default_factory=set)

    def count(self, report: Report) -> Severity | None:
        """Take one more report; the severity of the alert that is due, if one is."""
        if report.healthy:
            self.told.clear()
        self.length["warning"] = 0 if report.healthy else self.length["warning"] + 1
        self.length["critical"] = self.length["critical"] + 1 if report.critical else 0
        if self.length["critical"] >= FAILURES_IN_A_ROW and "critical" not in self.told:
            return "critical"
        if self.length["warning"] >= FAILURES_IN_A_ROW and not self.told:
            return "critical" if report.critical else "warning"
        return None


class HealthDaemon:
    """Runs until `stop` is called, which may be done from the loop or from a signal handler."""

    def __init__(
        self, schedules: Sequence[Schedule], sender: Sender, observer: Observer | None = None
    ) -> None:
        self._schedules = schedules
        self._sender = sender
        self._observer = observer or Nobody()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return now, whatever is going on."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep all schedules, each of which begins at once."""
        tasks = [asyncio.create_task(self._keep(one)) for one in self._schedules]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            await asyncio.wait([stopping, *tasks], timeout=STOP_SECONDS)

    async def _keep(self, schedule: Schedule) -> None:
        due, streak = time.monotonic(), Streak()
        while not self._stopping.is_set():
            await self._once(schedule, streak)
            # A run that takes longer than the time between two leaves some of them out.
            left_out = max(0.0, (time.monotonic() - due) // schedule.every)
            due += schedule.every * (left_out + 1)
            await asyncio.sleep(due - time.monotonic())

    async def _once(self, schedule: Schedule, streak: Streak) -> None:
        start = time.monotonic()
        report = await _checked(schedule)
        self._observer.checked(schedule.name, report, time.monotonic() - start)
        if (severity := streak.count(report)) is None:
            return
        outcome = await self._sender.send(_alert(schedule.name, severity, report))
        self._observer.alerted(outcome)
        if outcome.delivered:
            streak.told.add(severity)
        else:
            # It is tried again with the next run.
            log.warning("no alert about %s: %s", schedule.name, outcome.reason)


def schedules(settings: Settings) -> list[Schedule]:
    """What is checked, and how often."""
    return [
        Schedule("health", HEALTH_EVERY, partial(health.check, settings.redis_url)),
        Schedule("recovery", RECOVERY_EVERY, recovery_health.check),
        Schedule(
            "sent-log", SENT_LOG_EVERY, partial(deep_health.check_sent_log, settings.sent_log)
        ),
        Schedule("store", STORE_EVERY, partial(deep_health.check_store, settings.store)),
    ]


async def _checked(schedule: Schedule) -> Report:
    """Its report, or one that says why there is none. Raises nothing but cancellation."""
    task = asyncio.ensure_future(schedule.check())
    try:
        done, _ = await asyncio.wait([task], timeout=schedule.seconds)
    finally:
        task.cancel()
    if not done:
        return _failed(schedule.name, f"no answer within {schedule.seconds:g} s")
    try:
        return task.result()
    except (Exception, asyncio.CancelledError) as error:
        return _failed(schedule.name, f"the check failed: {type(error).__name__}: {error}")


def _failed(name: str, reason: str) -> Report:
    return Report((Component(name, "critical", " ".join(reason.split())),))


def _alert(name: str, severity: Severity, report: Report) -> Alert:
    bad = [one for one in report.components if one.status != "ok"]
    title = f"{name}: {', '.join(one.name for one in bad)}"
    text = "\n".join(f"{one.status}: {one.name}: {one.message}" for one in bad)
    return Alert(f"{name}:{severity}", severity, title, text)
