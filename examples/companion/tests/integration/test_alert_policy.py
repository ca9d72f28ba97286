"""Any sequence of alerts, outages, restarts and clock steps, against the rules of the manager."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from pytest_nadia.alerts.policy import assert_alert_policy

from companion.alert_state import SharedState, StateFile
from companion.alerts import Alert, AlertManager
from companion.constants import ALERT_COOLDOWN, ALERTS_PER_HOUR, ALERTS_RESERVED

if TYPE_CHECKING:
    from pytest_nadia.alerts.policy import Alert as Given
    from pytest_nadia.alerts.policy import Channel as Sink
    from pytest_nadia.alerts.policy import World

    from companion.alert_state import Delivery
    from companion.alerts import Attempt, Severity

# More of them on request; the mutants of the manager are found by these.
EXAMPLES = int(os.environ.get("ALERT_EXAMPLES", "20"))

pytestmark = pytest.mark.integration


@dataclass
class Tape:
    """A channel into one of the world's sinks."""

    sink: Sink
    lowest: Severity
    name: str
    seconds: float = 5.0

    def deliver(self, alert: Alert, attempt: Attempt) -> None:
        attempt.sent = self.sink.state != "down"
        self.sink.deliver(alert.text)


class Memory(SharedState):
    """In the place of Redis; it is there and gone as the world says."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: list[tuple[Delivery, float]] = []

    async def recent(self) -> list[Delivery]:
        self._world.check_redis()
        here = time.time()
        ages = ((one, max(0.0, here - wall)) for one, wall in self._told)
        return [replace(one, at=time.monotonic() - age) for one, age in ages]

    async def tell(self, delivery: Delivery) -> None:
        self._world.check_redis()
        self._told.append((delivery, time.time()))


class Desk:
    """What is tested: one manager after the other, on the same file and the same Redis."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shared = Memory(world)
        self.restart()

    async def send(self, alert: Given) -> None:
        given = Alert.of(alert.key, alert.severity, alert.key, alert.text, alert.timestamp)
        assert abs(given.at.timestamp() - time.time()) < 1
        await self._manager.send(given)

    def restart(self) -> None:
        chat, pager = self._world.channels
        lowest: Severity = "info" if chat.takes("info") else "warning"
        channels = [Tape(chat, lowest, "chat"), Tape(pager, "critical", "pager")]
        file = StateFile(self._world.directory / "alerts.json")
        self._manager = AlertManager(channels, file, self._shared)

    def close(self) -> None:
        pass


def test_the_manager_keeps_its_limits_and_delivers_what_it_may() -> None:
    report = assert_alert_policy(
        Desk,
        per_hour=ALERTS_PER_HOUR,
        cooldown=ALERT_COOLDOWN,
        critical_reserve=ALERTS_RESERVED,
        examples=EXAMPLES,
    )
    assert report.delivered > EXAMPLES
