"""A rule of the policy that a manager broke, and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_nadia.alerts.policing.policy import clock_text
from pytest_nadia.alerts.policing.steps import (
    Steps,
    with_one_style,
    with_receipts,
    with_redis,
    without_clock_steps,
    without_failed_sends,
    without_infos,
    without_restarts,
)
from pytest_nadia.alerts.policing.story import tell
from pytest_nadia.alerts.policing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.policing.policy import Breach, Kind, Policy
    from pytest_nadia.alerts.policing.story import Event
    from pytest_nadia.alerts.policing.world import AlertManager, World

# What must make no difference, and the same sequence without it.
_CAUSES: dict[str, Callable[[Steps], Steps]] = {
    "alerting and its memory do without Redis": with_redis,
    "failed deliveries use no budget": without_failed_sends,
    "a delivery whose answer timed out counts as delivered": with_receipts,
    "alerts that no channel takes use no budget": without_infos,
    "the past survives a restart": without_restarts,
    "a step of the wall clock changes nothing": without_clock_steps,
    "naive, aware and Z timestamps mean the same": with_one_style,
}


@dataclass(frozen=True)
class Violation:
    """`rules` says what the manager does not keep; `story` tells one sequence that shows it.

    The first of the rules tells violations apart. `example` is the number of the first sequence,
    before shrinking, that broke it.
    """

    rules: tuple[str, ...]
    detail: str
    story: tuple[str, ...]
    steps: Steps = field(repr=False)
    infos_taken: bool = field(repr=False)
    example: int = 0

    def __str__(self) -> str:
        lines = [f"{'; '.join(self.rules)} (example {self.example}):", *self.story]
        return "\n    ".join([*lines, f"broken: {self.detail}"])


@dataclass(frozen=True)
class Subject:
    """A manager and the policy that it is measured by."""

    make_manager: Callable[[World], AlertManager]
    policy: Policy

    def trial(self, *, infos_taken: bool) -> Trial:
        return Trial(self.make_manager, self.policy, infos_taken=infos_taken)

    def violation(
        self, breach: Breach, events: list[Event], steps: Steps, *, infos_taken: bool
    ) -> Violation:
        """A breach at the last of these steps, with the rules that it breaks."""
        rules = self._causes(steps, infos_taken=infos_taken) or (self._rule(breach.kind),)
        return Violation(rules, breach.detail, tuple(tell(events)), steps, infos_taken)

    def shortened(self, violation: Violation) -> Violation:
        """Without the steps that the same rules are broken without."""
        shortest = violation
        for place in reversed(range(len(violation.steps))):
            fewer = shortest.steps[:place] + shortest.steps[place + 1 :]
            found = self._judge(fewer, infos_taken=violation.infos_taken)
            if found is not None and found.rules[0] == violation.rules[0]:
                shortest = found
        return replace(shortest, example=violation.example)

    def follows(self, violation: Violation, others: list[Violation]) -> bool:
        """Whether it only shows several of the others' causes at once."""
        steps = violation.steps
        if violation.rules[0] in _CAUSES:
            return False
        for other in others:
            steps = _CAUSES.get(other.rules[0], _as_it_is)(steps)
        return self._replay(steps, infos_taken=violation.infos_taken)[1] is None

    def _judge(self, steps: Steps, *, infos_taken: bool) -> Violation | None:
        number, breach, events = self._replay(steps, infos_taken=infos_taken)
        if breach is None:
            return None
        return self.violation(breach, events, steps[:number], infos_taken=infos_taken)

    def _replay(self, steps: Steps, *, infos_taken: bool) -> tuple[int, Breach | None, list[Event]]:
        """How many steps were done, what the last one broke, and what happened."""
        trial = self.trial(infos_taken=infos_taken)
        number = 0
        try:
            for number, step in enumerate(steps, 1):
                if breach := trial.perform(step):
                    return number, breach, trial.events
            return number, None, trial.events
        finally:
            trial.close()

    def _causes(self, steps: Steps, *, infos_taken: bool) -> tuple[str, ...]:
        """What must make no difference, and does: without it nothing is broken."""
        return tuple(
            rule
            for rule, change in _CAUSES.items()
            if not (infos_taken and change is without_infos)
            and self._is_mended(steps, change, infos_taken=infos_taken)
        )

    def _is_mended(
        self, steps: Steps, change: Callable[[Steps], Steps], *, infos_taken: bool
    ) -> bool:
        changed = change(steps)
        return changed != steps and self._replay(changed, infos_taken=infos_taken)[1] is None

    def _rule(self, kind: Kind) -> str:
        policy = self.policy
        rules: dict[Kind, str] = {
            "limit": f"at most {policy.per_hour} alerts are delivered in any hour",
            "reserve": f"{policy.reserve} of {policy.per_hour} an hour are for critical alerts",
            "cooldown": f"equal alerts are {clock_text(policy.cooldown)} apart",
            "delivery": "an alert that fits its budget is delivered",
            "start": "the manager starts again",
        }
        return rules[kind]


def _as_it_is(steps: Steps) -> Steps:
    return steps
