"""What surrounds an alert manager under test: its channels, Redis, and a directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from pytest_nadia.alerts.policing.alert import SEVERITIES, Severity, numbers_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_nadia.alerts.policing.alert import Alert
    from pytest_nadia.clock import VirtualClock

ChannelState = Literal["up", "down", "timing out"]


class AdapterError(Exception):
    """The adapter, not the manager, is wrong; one line."""


class AlertManager(Protocol):
    """Between the tests and a project's manager. Each method may be `async`.

    What `send` raises is no failure by itself: what counts is what reached the channels.
    """

    def send(self, alert: Alert) -> object:
        """Hand one alert to the manager; return when it has been delivered or refused."""

    def restart(self) -> object:
        """Forget the manager as a crash would, and make one anew with the same World."""

    def close(self) -> object:
        """Free what the manager holds; the trial is over."""


@dataclass(frozen=True)
class Delivery:
    """One message that reached a channel; `at` in seconds of the monotonic clock."""

    number: int
    channel: str
    at: float


class Channel:
    """A way out for alerts. `takes` says which severities are meant for it."""

    def __init__(self, name: str, severities: frozenset[Severity], world: World) -> None:
        self.name, self.severities = name, severities
        self.state: ChannelState = "up"
        self._world = world

    def __str__(self) -> str:
        taken = [one for one in SEVERITIES if self.takes(one)]
        return f"{self.name} takes {', '.join(taken)}"

    def takes(self, severity: Severity) -> bool:
        return severity in self.severities

    def deliver(self, message: object) -> None:
        """Deliver a message; `str(message)` must contain the text of the alert.

        Raises ConnectionError when the channel is down, and TimeoutError when the message arrived
        but its receipt did not come back. It takes no time.
        """
        numbers = numbers_in(message)
        if not numbers:
            raise self._world.stranger(self.name, message)
        if self.state == "down":
            raise ConnectionError(f"{self.name} is down")
        self._world.record(numbers, self.name)
        if self.state == "timing out":
            raise TimeoutError(f"{self.name} did not answer")


class World:
    """All that a manager under test may touch.

    `channels`: "chat", which takes warnings and critical alerts and, in half of the trials, infos;
    "pager", which takes critical ones. `directory`: for the manager's files, empty at first; it
    survives a restart. `redis_up`: whether Redis is there. Time is virtual: `time.time`,
    `time.monotonic`, `datetime.now` and asyncio's timers.
    """

    def __init__(self, clock: VirtualClock, directory: Path, *, infos_taken: bool) -> None:
        self.clock, self.directory = clock, directory
        self.redis_up = True
        infos: frozenset[Severity] = frozenset({"info"}) if infos_taken else frozenset()
        self.channels = (
            Channel("chat", infos | {"warning", "critical"}, self),
            Channel("pager", frozenset({"critical"}), self),
        )
        self.deliveries: list[Delivery] = []
        self.misuse = ""
        self._watchers: list[Callable[[bool], object]] = []

    def check_redis(self) -> None:
        """Raises ConnectionError while Redis is down; for a fake of your own."""
        if not self.redis_up:
            raise ConnectionError("Redis is down")

    def on_redis(self, watcher: Callable[[bool], object]) -> None:
        """Call `watcher(up)` whenever Redis goes down or comes back; for a real or other fake."""
        self._watchers.append(watcher)

    def set_redis(self, up: bool) -> None:
        self.redis_up = up
        for watcher in self._watchers:
            watcher(up)

    def is_reachable(self, severity: Severity) -> bool:
        """Whether a channel that takes it is there."""
        return any(one.takes(severity) and one.state != "down" for one in self.channels)

    def record(self, numbers: list[int], channel: str) -> None:
        now = self.clock.monotonic()
        self.deliveries.extend(Delivery(number, channel, now) for number in numbers)

    def stranger(self, channel: str, message: object) -> ValueError:
        self.misuse = (
            f"{channel}.deliver() was given {str(message)[:80]!r}, which has no alert's text in "
            "it: let the adapter pass the alert's `text` on"
        )
        return ValueError(self.misuse)
