"""The steps of which a trial consists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_nadia.alerts.policing.alert import Severity, Style
    from pytest_nadia.alerts.policing.world import ChannelState

# By their places, the channels of which an alert needs one; no channel is at -1.
_CHANNELS: dict[Severity, set[int]] = {"info": {-1}, "warning": {0}, "critical": {0, 1}}


@dataclass(frozen=True)
class Advance:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Send:
    """An alert is raised; `kind` tells apart those of one severity."""

    severity: Severity
    kind: int
    style: Style


@dataclass(frozen=True)
class SetChannel:
    """A channel, by its place, goes down, comes back, or loses its receipts."""

    channel: int
    state: ChannelState


@dataclass(frozen=True)
class SetRedis:
    """Redis goes down or comes back."""

    up: bool


@dataclass(frozen=True)
class Restart:
    """The manager's process crashes and starts again."""


@dataclass(frozen=True)
class StepClock:
    """The wall clock is put forward, or back."""

    seconds: float


Step = Advance | Send | SetChannel | SetRedis | Restart | StepClock
Steps = tuple[Step, ...]


def without_failed_sends(steps: Steps) -> Steps:
    """Alerts that are raised while no channel for them is there are not raised at all.

    Infos stay: it may be that nobody takes them anyway.
    """
    kept: list[Step] = []
    down: set[int] = set()
    for step in steps:
        if isinstance(step, SetChannel):
            (down.add if step.state == "down" else down.discard)(step.channel)
        if not isinstance(step, Send) or not down.issuperset(_CHANNELS[step.severity]):
            kept.append(step)
    return tuple(kept)


def with_receipts(steps: Steps) -> Steps:
    return tuple(
        replace(step, state="up")
        if isinstance(step, SetChannel) and step.state == "timing out"
        else step
        for step in steps
    )


def without_infos(steps: Steps) -> Steps:
    return tuple(step for step in steps if not (isinstance(step, Send) and step.severity == "info"))


def without_restarts(steps: Steps) -> Steps:
    return _without(Restart, steps)


def with_redis(steps: Steps) -> Steps:
    return _without(SetRedis, steps)


def without_clock_steps(steps: Steps) -> Steps:
    return _without(StepClock, steps)


def with_one_style(steps: Steps) -> Steps:
    return tuple(replace(step, style="aware") if isinstance(step, Send) else step for step in steps)


def _without(kind: type[Step], steps: Iterable[Step]) -> Steps:
    return tuple(step for step in steps if not isinstance(step, kind))
