"""The steps of which a trial consists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_nadia.alerts.policing.alert import Severity, Style
    from pytest_nadia.alerts.policing.world import ChannelState


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
    """A channel, by its place in the World, goes down, comes back, or loses its receipts."""

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


def without_outages(step: Step) -> Step | None:
    if isinstance(step, SetChannel) and step.state == "down":
        return replace(step, state="up")
    return step


def without_lost_receipts(step: Step) -> Step | None:
    if isinstance(step, SetChannel) and step.state == "timing out":
        return replace(step, state="up")
    return step


def without_infos(step: Step) -> Step | None:
    return None if isinstance(step, Send) and step.severity == "info" else step


def without_restarts(step: Step) -> Step | None:
    return None if isinstance(step, Restart) else step


def without_redis_outages(step: Step) -> Step | None:
    return None if isinstance(step, SetRedis) else step


def without_clock_steps(step: Step) -> Step | None:
    return None if isinstance(step, StepClock) else step


def with_one_style(step: Step) -> Step | None:
    return replace(step, style="aware") if isinstance(step, Send) else step
