"""The state machine that makes up sequences of steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, cast

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pytest_nadia.alerts.policing.alert import STYLES
from pytest_nadia.alerts.policing.policy import HOUR
from pytest_nadia.alerts.policing.steps import (
    Advance,
    Restart,
    Send,
    SetChannel,
    SetRedis,
    Step,
    StepClock,
)
from pytest_nadia.alerts.policing.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.policing.alert import Severity, Style
    from pytest_nadia.alerts.policing.policy import Breach, Policy
    from pytest_nadia.alerts.policing.trial import Trial
    from pytest_nadia.alerts.policing.violation import Subject
    from pytest_nadia.alerts.policing.world import ChannelState

_FLAKY = "the same steps, repeated, did not break it again: does the manager draw random numbers?"

_SEVERITIES: st.SearchStrategy[Severity] = st.sampled_from(("warning", "critical", "info"))
_STYLES = st.sampled_from(STYLES)
_STATES: st.SearchStrategy[ChannelState] = st.sampled_from(("up", "down", "timing out"))
_KINDS = st.integers(1, 3)
# A burst from the second place on meets no alert of one from the first.
_PLACES = st.sampled_from((1, 1001))

_WAITS: dict[str, Callable[[float], float]] = {
    "a second": lambda _: 1,
    "a minute": lambda _: 60,
    "almost the cooldown": lambda cooldown: cooldown - 1,
    "the cooldown": lambda cooldown: cooldown,
    "just over the cooldown": lambda cooldown: cooldown + 1,
    "a minute over the cooldown": lambda cooldown: cooldown + 60,
    "almost an hour": lambda _: HOUR - 1,
    "an hour": lambda _: HOUR,
    "just over an hour": lambda _: HOUR + 1,
}
_COUNTS: dict[str, Callable[[Policy], int]] = {
    "two": lambda _: 2,
    "the share": lambda policy: policy.per_hour - policy.reserve,
    "over the share": lambda policy: policy.per_hour - policy.reserve + 1,
    "the limit": lambda policy: policy.per_hour,
    "over the limit": lambda policy: policy.per_hour + 1,
}
_CLOCK_STEPS = st.sampled_from((HOUR, -HOUR, 60.0, -60.0))


class Broken(AssertionError):
    """One subclass for each rule: Hypothesis tells failures apart by their types."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation


@dataclass
class Run:
    """What all examples of one run share, and what they did."""

    subject: Subject
    examples: int = 0
    sent: int = 0
    delivered: int = 0
    violations: dict[str, Violation] = field(default_factory=dict)
    _types: dict[str, type[Broken]] = field(default_factory=dict)

    def broken(self, violation: Violation) -> Broken:
        """To be raised; the last of each kind is the shortest."""
        rule = violation.rules[0]
        if first := self.violations.get(rule):
            violation = replace(violation, example=first.example)
        self.violations[rule] = violation
        return self._types.setdefault(rule, type("Broken", (Broken,), {}))(violation)


class Machine(RuleBasedStateMachine):
    """Each example is one trial."""

    run: ClassVar[Run]

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []
        self._trial: Trial | None = None

    @initialize(infos_taken=st.booleans())
    def start(self, infos_taken: bool) -> None:
        self.run.examples += 1
        self._infos_taken = infos_taken
        self._trial = self.run.subject.trial(infos_taken=infos_taken)

    @rule(severity=_SEVERITIES, kind=_KINDS, style=_STYLES)
    def send(self, severity: Severity, kind: int, style: Style) -> None:
        self._perform([Send(severity, kind, style)])

    @rule(style=_STYLES)
    def send_again(self, style: Style) -> None:
        """The alert that was raised last; a cooldown is hard to meet otherwise."""
        sent = [step for step in self._steps if isinstance(step, Send)]
        if sent:
            self._perform([replace(sent[-1], style=style)])

    @rule(severity=_SEVERITIES, count=st.sampled_from(tuple(_COUNTS)), place=_PLACES)
    def burst(self, severity: Severity, count: str, place: int) -> None:
        number = _COUNTS[count](self.run.subject.policy)
        self._perform([Send(severity, place + one, "aware") for one in range(number)])

    @rule(severity=_SEVERITIES, wait=st.sampled_from(tuple(_WAITS)))
    def trickle(self, severity: Severity, wait: str) -> None:
        pair: list[Step] = [Send(severity, 1, "aware"), Advance(self._seconds(wait))]
        self._perform(pair * (self.run.subject.policy.per_hour + 1))

    @rule(wait=st.sampled_from(tuple(_WAITS)))
    def advance(self, wait: str) -> None:
        self._perform([Advance(self._seconds(wait))])

    @rule(channels=st.sampled_from(((0,), (0, 1))), state=_STATES)
    def set_channels(self, channels: tuple[int, ...], state: ChannelState) -> None:
        self._perform([SetChannel(channel, state) for channel in channels])

    @rule(severity=_SEVERITIES, count=st.sampled_from(tuple(_COUNTS)))
    def outage(self, severity: Severity, count: str) -> None:
        """No channel is there for a moment, and somebody raises alerts in it."""
        self.set_channels((0, 1), "down")
        self.burst(severity, count, 1)
        self.set_channels((0, 1), "up")

    @rule()
    def restart(self) -> None:
        self._perform([Restart()])

    @rule(up=st.booleans())
    def set_redis(self, up: bool) -> None:
        self._perform([SetRedis(up)])

    @rule(seconds=_CLOCK_STEPS)
    def step_clock(self, seconds: float) -> None:
        self._perform([StepClock(seconds)])

    def teardown(self) -> None:
        if self._trial is not None:
            self._end(self._trial)

    def _seconds(self, wait: str) -> float:
        return _WAITS[wait](self.run.subject.policy.cooldown)

    def _perform(self, steps: list[Step]) -> None:
        trial = cast("Trial", self._trial)
        for step in steps:
            self._steps.append(step)
            if breach := trial.perform(step):
                self._end(trial)
                raise self._broken(breach, trial)

    def _broken(self, breach: Breach, trial: Trial) -> Broken:
        violation = self.run.subject.violation(
            breach, trial.events, tuple(self._steps), infos_taken=self._infos_taken
        )
        return self.run.broken(replace(violation, example=self.run.examples))

    def _end(self, trial: Trial) -> None:
        self._trial = None
        self.run.sent += len(trial.alerts)
        self.run.delivered += trial.delivered
        trial.close()


def explore(run: Run, *, examples: int, steps: int, seed: int | None) -> list[Violation]:
    """The violations found, each with a short story; the shortest first."""
    machine: type[Machine] = type("AlertPolicy", (Machine,), {"run": run})
    if seed is not None:
        machine = with_seed(seed)(machine)
    try:
        run_state_machine_as_test(machine, settings=_settings(examples, steps))
    except Broken as error:
        return [run.subject.shortened(error.violation)]
    except Flaky:
        return [replace(one, detail=f"{one.detail}; {_FLAKY}") for one in run.violations.values()]
    except ExceptionGroup as group:
        found = sorted(
            map(run.subject.shortened, _violations(group)), key=lambda one: len(one.story)
        )
        return [one for one in found if not run.subject.follows(one, found)]
    return []


def _settings(examples: int, steps: int) -> settings:
    """Whatever profile is loaded, and whatever an earlier run has found."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        report_multiple_bugs=True,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )


def _violations(group: ExceptionGroup[Exception]) -> list[Violation]:
    """Raises the first error that is none of the manager's."""
    for error in group.exceptions:
        if not isinstance(error, Broken):
            raise error
    return [error.violation for error in group.exceptions if isinstance(error, Broken)]
