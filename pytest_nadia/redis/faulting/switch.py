"""Turns a rule of the front on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.faulting.explain import why_unfired
from pytest_nadia.redis.faulting.refusals import Refusals
from pytest_nadia.redis.wire import RuleState

if TYPE_CHECKING:
    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.wire import Rule

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


class RuleSwitch:
    def __init__(self, front: Front, rule: Rule) -> None:
        self._front = front
        self._rule = rule
        self._number = 0
        self._mark = 0

    def on(self) -> None:
        self._mark = self._front.mark()
        self._number = self._front.add_rule(self._rule)

    def state(self) -> RuleState:
        return self._front.rule_state(self._number)

    def off(self) -> RuleState:
        return self._front.remove_rule(self._number)

    def why_unfired(self, state: RuleState) -> str:
        records = self._front.records(self._mark)
        return why_unfired(self._rule, state.seen, records, self._front.url)


class DoorSwitch(RuleSwitch):
    """For a rule that closes the front's port: it hits whom the front never sees."""

    def on(self) -> None:
        super().on()
        self._refusals = Refusals(self._front)

    def state(self) -> RuleState:
        return self._with_refusals(super().state())

    def off(self) -> RuleState:
        try:
            return self._with_refusals(super().off())
        finally:
            self._refusals.close()

    def _with_refusals(self, state: RuleState) -> RuleState:
        return RuleState(state.fired + self._refusals.count(), state.seen)
