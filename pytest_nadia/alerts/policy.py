"""Does an alert manager keep its limits, and does it still deliver what it may?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pytest_nadia.alerts.policing.alert import Alert
from pytest_nadia.alerts.policing.policy import make_policy
from pytest_nadia.alerts.policing.world import AdapterError, AlertManager, Channel, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.policing.violation import Violation

__all__ = [
    "Alert",
    "AlertManager",
    "AlertPolicyError",
    "Channel",
    "PolicyReport",
    "World",
    "assert_alert_policy",
]


class AlertPolicyError(AssertionError):
    """What `assert_alert_policy` found: `violations`, each with its `rules` and its `story`."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        self.violations = violations
        head = f"the alert policy is broken in {len(violations)} way(s)"
        super().__init__("\n\n".join([head, *map(str, violations)]))


@dataclass(frozen=True)
class PolicyReport:
    """How much was tried: sequences, alerts handed to the manager, alerts delivered by it."""

    examples: int
    sent: int
    delivered: int


def assert_alert_policy(
    make_manager: Callable[[World], AlertManager],
    *,
    per_hour: int = 10,
    cooldown: timedelta | float = timedelta(minutes=30),
    critical_reserve: int = 3,
    examples: int = 200,
    steps: int = 20,
    seed: int | None = 0,
) -> PolicyReport:
    """Put an alert manager through `examples` sequences of up to `steps` steps, in virtual time.

    `make_manager(world)` gives the adapter, an AlertManager. Steps: alerts alone, in bursts and in
    a trickle; channels down and timing out; crashes and restarts; Redis down; time that passes;
    a wall clock that is put forward or back.

    The policy: at most `per_hour` alerts delivered in any hour, of which non-critical ones leave
    `critical_reserve` free; equal alerts at least `cooldown` apart (a timedelta, or seconds);
    whatever these allow is delivered before `send` returns, if a channel that takes it is there.
    None of the other steps may change this. A step of the wall clock that no delivery follows
    before a restart is forgiven, and so is any choice on the very second a limit ends.

    The same `seed` gives the same sequences; None, new ones each time.

    Raises AlertPolicyError with the shortest sequence found for each rule that is broken,
    ValueError if the policy makes no sense, RuntimeError inside a running event loop or if the
    adapter passes on messages without the alert's text.
    """
    __tracebackhide__ = True
    policy = make_policy(per_hour, cooldown, critical_reserve)
    _check_surroundings()
    from pytest_nadia.alerts.policing.machine import Run, explore
    from pytest_nadia.alerts.policing.violation import Subject

    subject = Subject(make_manager, policy)
    subject.trial(infos_taken=True).close()
    run = Run(subject)
    try:
        violations = explore(run, examples=examples, steps=steps, seed=seed)
    except AdapterError as error:
        raise RuntimeError(str(error)) from None
    if violations:
        raise AlertPolicyError(tuple(violations))
    return PolicyReport(run.examples, run.sent, run.delivered)


def _check_surroundings() -> None:
    if find_spec("hypothesis") is None:
        raise ModuleNotFoundError(
            "assert_alert_policy needs hypothesis, not installed here: "
            "pip install 'pytest-nadia[all]'"
        )
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(
            "assert_alert_policy runs event loops of its own: call it from a test that is not async"
        )
