"""What a manager must deliver and must not, to the second."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.alerts.policing.policy import make_policy
from pytest_nadia.alerts.policing.steps import (
    Advance,
    Restart,
    Send,
    SetChannel,
    SetRedis,
    Step,
    StepClock,
)
from pytest_nadia.alerts.policing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.policing.policy import Breach
    from pytest_nadia.alerts.policy import Alert, World

WARNING, CRITICAL, INFO = (Send(kind, 1, "aware") for kind in ("warning", "critical", "info"))
DOWN, LOST, UP = (SetChannel(0, state) for state in ("down", "timing out", "up"))
HOUR, COOLDOWN = 3600, 1800


class Scripted:
    """Delivers as it is told, and everything when it is told no more."""

    def __init__(self, world: World, decisions: str, times: int = 1) -> None:
        self.world, self.decisions, self.times = world, iter(decisions), times

    def send(self, alert: Alert) -> None:
        if next(self.decisions, "y") == "y":
            for channel in self.world.channels:
                if channel.takes(alert.severity):
                    for _ in range(self.times):
                        with suppress(OSError):
                            channel.deliver(alert.text)

    def restart(self) -> None:
        pass

    def close(self) -> None:
        pass


def breach_of(
    steps: list[Step],
    decisions: str = "",
    *,
    infos_taken: bool = True,
    make: Callable[[World], Scripted] | None = None,
) -> Breach | None:
    """The breach at the last step; none may come before."""
    trial = Trial(
        make or (lambda world: Scripted(world, decisions)),
        make_policy(10, COOLDOWN, 3),
        infos_taken=infos_taken,
    )
    try:
        breaches = [trial.perform(step) for step in steps]
    finally:
        trial.close()
    assert not any(breaches[:-1])
    return breaches[-1]


def kind_of(steps: list[Step], decisions: str = "", *, infos_taken: bool = True) -> str:
    breach = breach_of(steps, decisions, infos_taken=infos_taken)
    return breach.kind if breach else ""


def many(first: Send, number: int) -> list[Step]:
    return [Send(first.severity, kind, first.style) for kind in range(100, 100 + number)]


@pytest.mark.parametrize(
    ("seconds", "delivered", "breach"),
    [
        (0, "yy", "cooldown"),
        (COOLDOWN - 1, "yy", "cooldown"),
        (COOLDOWN - 1, "yn", ""),
        (COOLDOWN, "yy", ""),
        (COOLDOWN, "yn", ""),
        (COOLDOWN + 1, "yy", ""),
        (COOLDOWN + 1, "yn", "delivery"),
    ],
)
def test_equal_alerts_and_the_cooldown(seconds: int, delivered: str, breach: str) -> None:
    assert kind_of([WARNING, Advance(seconds), WARNING], delivered) == breach


@pytest.mark.parametrize(
    ("first", "number", "seconds", "last", "delivered", "breach"),
    [
        (CRITICAL, 9, 0, CRITICAL, "n", "delivery"),
        (CRITICAL, 10, 0, CRITICAL, "y", "limit"),
        (CRITICAL, 10, HOUR - 1, CRITICAL, "y", "limit"),
        (CRITICAL, 10, HOUR - 1, CRITICAL, "n", ""),
        (CRITICAL, 10, HOUR, CRITICAL, "y", ""),
        (CRITICAL, 10, HOUR, CRITICAL, "n", ""),
        (CRITICAL, 10, HOUR + 1, CRITICAL, "n", "delivery"),
        (WARNING, 6, 0, WARNING, "n", "delivery"),
        (WARNING, 7, 0, WARNING, "y", "reserve"),
        (WARNING, 7, HOUR - 1, WARNING, "y", "reserve"),
        (WARNING, 7, HOUR + 1, WARNING, "n", "delivery"),
        (WARNING, 7, 0, INFO, "y", "reserve"),
        (WARNING, 7, 0, CRITICAL, "n", "delivery"),
        (CRITICAL, 6, 0, WARNING, "n", "delivery"),
        (CRITICAL, 7, 0, WARNING, "n", ""),
        (CRITICAL, 7, 0, WARNING, "y", ""),
        (CRITICAL, 10, 0, WARNING, "y", "limit"),
    ],
)
def test_the_budget_of_an_hour_and_the_reserve(
    first: Send, number: int, seconds: int, last: Send, delivered: str, breach: str
) -> None:
    steps = [*many(first, number), Advance(seconds), last]
    assert kind_of(steps, "y" * number + delivered) == breach


@pytest.mark.parametrize(
    ("steps", "delivered", "breach"),
    [
        ([DOWN, WARNING], "y", ""),
        ([DOWN, WARNING], "n", ""),
        ([DOWN, WARNING, UP, WARNING], "yy", ""),
        ([DOWN, WARNING, UP, WARNING], "yn", "delivery"),
        ([DOWN, CRITICAL], "n", "delivery"),
        ([DOWN, CRITICAL, UP, CRITICAL], "yy", "cooldown"),
        ([DOWN, SetChannel(1, "down"), CRITICAL], "n", ""),
        ([LOST, WARNING], "n", "delivery"),
        ([LOST, WARNING, UP, WARNING], "yn", ""),
        ([LOST, WARNING, UP, WARNING], "yy", "cooldown"),
        ([SetRedis(False), WARNING], "n", "delivery"),
    ],
)
def test_channels_that_fail(steps: list[Step], delivered: str, breach: str) -> None:
    assert kind_of(steps, delivered) == breach


@pytest.mark.parametrize(("infos_taken", "breach"), [(True, "delivery"), (False, "")])
def test_an_alert_that_no_channel_takes_need_not_be_delivered(
    infos_taken: bool, breach: str
) -> None:
    assert kind_of([INFO], "n", infos_taken=infos_taken) == breach


@pytest.mark.parametrize("step", [HOUR, -HOUR])
@pytest.mark.parametrize("delivered", ["yy", "yn"])
def test_a_clock_step_just_before_a_restart_is_forgiven(step: int, delivered: str) -> None:
    steps: list[Step] = [WARNING, StepClock(step), Restart(), Advance(COOLDOWN - 1), WARNING]
    expected = "cooldown" if (step, delivered) == (-HOUR, "yy") else ""
    assert kind_of(steps, delivered) == expected


def test_what_a_step_back_before_a_restart_can_excuse_ends() -> None:
    steps: list[Step] = [WARNING, StepClock(-HOUR), Restart()]
    assert kind_of([*steps, Advance(HOUR + COOLDOWN - 1), WARNING], "yn") == ""
    assert kind_of([*steps, Advance(HOUR + COOLDOWN + 1), WARNING], "yn") == "delivery"


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_clock_step_that_a_delivery_follows_is_not_forgiven(step: int) -> None:
    other = Send("warning", 2, "aware")
    begin: list[Step] = [WARNING, StepClock(step), other, Restart()]
    assert kind_of([*begin, Advance(COOLDOWN - 1), WARNING], "yyy") == "cooldown"
    assert kind_of([*begin, Advance(COOLDOWN + 1), WARNING], "yyn") == "delivery"


def test_an_alert_that_reaches_a_channel_twice_is_too_early() -> None:
    breach = breach_of([WARNING], make=lambda world: Scripted(world, "", times=2))
    assert breach is not None
    assert breach.detail == (
        "warning-1 was delivered again after 00:00:00; the cooldown is 00:30:00"
    )


class Later:
    """Sends everything a minute later, in a task of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tasks: list[asyncio.Task[None]] = []

    async def send(self, alert: Alert) -> None:
        self.tasks.append(asyncio.create_task(self.send_later(alert)))

    async def send_later(self, alert: Alert) -> None:
        await asyncio.sleep(60)
        self.world.channels[0].deliver(alert.text)

    async def restart(self) -> None:
        self.tasks = []

    async def close(self) -> None:
        self.tasks = []


@pytest.mark.parametrize(("steps", "delivered"), [([], 1), ([Restart()], 0)])
def test_what_a_crashed_manager_was_about_to_do_does_not_happen(
    steps: list[Step], delivered: int
) -> None:
    trial = Trial(Later, make_policy(10, COOLDOWN, 3), infos_taken=True)
    try:
        for step in [WARNING, *steps, Advance(61)]:
            trial.perform(step)
        assert trial.delivered == delivered
        told = [event.text for event in trial.events]
        assert ("warning-1 is delivered by chat, late" in told) == bool(delivered)
    finally:
        trial.close()
