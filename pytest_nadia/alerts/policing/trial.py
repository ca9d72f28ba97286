"""One manager, one World, and a sequence of steps, under the eyes of the oracle."""

from __future__ import annotations

import asyncio
import inspect
import os
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.alerts.policing.alert import Alert, make_alert
from pytest_nadia.alerts.policing.oracle import Oracle
from pytest_nadia.alerts.policing.policy import Breach, clock_text
from pytest_nadia.alerts.policing.steps import (
    Advance,
    Restart,
    Send,
    SetChannel,
    SetRedis,
    Step,
    StepClock,
)
from pytest_nadia.alerts.policing.story import Event
from pytest_nadia.alerts.policing.world import AdapterError, World
from pytest_nadia.clock import virtual_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.policing.policy import Policy
    from pytest_nadia.alerts.policing.world import AlertManager, ChannelState

_START = datetime(2026, 1, 1, tzinfo=UTC)
_PATIENCE_SECONDS = 900
_MEMORY = Path("/dev", "shm")
_STATES: dict[ChannelState, str] = {
    "up": "is up",
    "down": "is down",
    "timing out": "delivers, but its answer times out",
}


class Trial:
    """`perform` gives the first breach of the policy, or None. Close it in any case."""

    def __init__(
        self, make_manager: Callable[[World], AlertManager], policy: Policy, *, infos_taken: bool
    ) -> None:
        self.events: list[Event] = []
        self.alerts: list[Alert] = []
        self._closing = ExitStack()
        self._oracle = Oracle(policy)
        self._loop: asyncio.AbstractEventLoop | None = None
        try:
            self.world = self._open_world(infos_taken=infos_taken)
            self._begin = self.world.clock.monotonic()
            self._judged = 0
            self._manager = make_manager(self.world)
        except BaseException:
            self._closing.close()
            raise
        self._closing.callback(self._close_manager)
        self._tell("; ".join(str(channel) for channel in self.world.channels))

    def _open_world(self, *, infos_taken: bool) -> World:
        clock = self._closing.enter_context(virtual_clock(_START))
        clock.zone("UTC")
        folder = self._closing.enter_context(tempfile.TemporaryDirectory(dir=_memory()))
        self._closing.callback(self._close_loop)
        return World(clock, Path(folder), infos_taken=infos_taken)

    def close(self) -> None:
        self._closing.close()

    @property
    def delivered(self) -> int:
        """How many alerts have arrived."""
        return len(self._oracle.entries)

    def perform(self, step: Step) -> Breach | None:
        match step:
            case Advance(seconds):
                return self._advance(seconds)
            case Send():
                return self._send(step)
            case Restart():
                return self._restart()
        self._change_world(step)
        return None

    def _change_world(self, step: Step) -> None:
        match step:
            case SetChannel(number, state):
                channel = self.world.channels[number]
                channel.state = state
                self._tell(f"{channel.name} {_STATES[state]}")
            case SetRedis(up):
                self.world.set_redis(up)
                self._tell("Redis is " + ("up" if up else "down"))
            case StepClock(seconds):
                self._step_clock(seconds)

    def _step_clock(self, seconds: float) -> None:
        self.world.clock.step(seconds)
        self._oracle.step(seconds)
        way = "forward" if seconds > 0 else "back"
        self._tell(f"the wall clock is put {way} by {clock_text(abs(seconds))}")

    def _advance(self, seconds: float) -> Breach | None:
        if self._loop is None:
            self.world.clock.advance(seconds)
        else:
            self._loop.run_until_complete(asyncio.sleep(seconds))
        for late in self.world.deliveries[self._judged :]:
            key = self.alerts[late.number].key
            self.events.append(
                Event(late.at - self._begin, f"{key} is delivered by {late.channel}, late")
            )
        return self._judge()

    def _send(self, step: Send) -> Breach | None:
        clock = self.world.clock
        alert = make_alert(len(self.alerts), step.severity, step.kind, clock.now(), step.style)
        self.alerts.append(alert)
        due = self.world.is_reachable(alert.severity)
        due = due and self._oracle.fits(alert, clock.monotonic())
        begin, seen = self._elapsed(), len(self.world.deliveries)
        raised = self._call(self._manager.send, alert)
        breach = self._judge()
        self._oracle.end_of_send(alert.number, clock.monotonic())
        style = "" if step.style == "aware" else f" (timestamp {alert.timestamp})"
        outcome = self._outcome(alert, seen) + raised
        self.events.append(Event(begin, f"sent{style}", outcome, alert.key))
        return breach or (self._missing(alert) if due else None)

    def _missing(self, alert: Alert) -> Breach | None:
        """What the manager delivered meanwhile may have used the budget."""
        number, now = alert.number, self.world.clock.monotonic()
        if self._oracle.is_delivered(number) or not self._oracle.fits(alert, now):
            return None
        return Breach("delivery", f"{alert.key} fits the budget and was not delivered")

    def _outcome(self, alert: Alert, seen: int) -> str:
        deliveries = self.world.deliveries[seen:]
        places = [one.channel for one in deliveries if one.number == alert.number]
        if places:
            return "delivered by " + " and ".join(places)
        if any(channel.takes(alert.severity) for channel in self.world.channels):
            return "not delivered"
        return "not delivered: no channel takes it"

    def _restart(self) -> Breach | None:
        self._close_loop()
        self._oracle.restart()
        raised = self._call(self._manager.restart)
        self._tell(f"the manager restarts{raised}")
        if raised:
            return Breach("start", f"the manager did not start again{raised}")
        return self._judge()

    def _judge(self) -> Breach | None:
        """Of all that has arrived since the last time."""
        if self.world.misuse:
            raise AdapterError(self.world.misuse)
        new = self.world.deliveries[self._judged :]
        self._judged += len(new)
        breaches = [self._oracle.deliver(self.alerts[one.number], one) for one in new]
        return next((breach for breach in breaches if breach), None)

    def _call(self, function: Callable[..., object], *arguments: object) -> str:
        """What it raised, in words; empty if nothing."""
        try:
            self._finish(function(*arguments))
        except AdapterError:
            raise
        except Exception as error:
            return f" (raised {type(error).__name__}: {' '.join(str(error).split())})"
        return ""

    def _finish(self, result: object) -> None:
        if not inspect.isawaitable(result):
            return
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(asyncio.wait_for(result, _PATIENCE_SECONDS))

    def _close_manager(self) -> None:
        self._finish(self._manager.close())

    def _close_loop(self) -> None:
        """All that runs in it ends with the process."""
        if self._loop is None:
            return
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks))
        self._loop.close()
        self._loop = None

    def _elapsed(self) -> float:
        return self.world.clock.monotonic() - self._begin

    def _tell(self, text: str) -> None:
        self.events.append(Event(self._elapsed(), text))


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place: managers may write at each alert."""
    return str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None
