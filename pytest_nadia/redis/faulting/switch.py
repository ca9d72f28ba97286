"""Turns a rule of the front on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.faulting.explain import why_unfired
from pytest_nadia.redis.faulting.refusals import refused_connections
from pytest_nadia.redis.wire import RuleState

if TYPE_CHECKING:
    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.wire import Rule


class RuleSwitch:
    def __init__(self, front: Front, rule: Rule) -> None:
        self._front = front
        self._rule = rule
        self._number = 0
        self._mark = 0
        self._refused_before = 0

    def on(self) -> None:
        self._mark = self._front.mark()
        self._refused_before = refused_connections()
        self._number = self._front.add_rule(self._rule)

    def state(self) -> RuleState:
        return self._with_refusals(self._front.rule_state(self._number))

    def off(self) -> RuleState:
        return self._with_refusals(self._front.remove_rule(self._number))

    def why_unfired(self, state: RuleState) -> str:
        records = self._front.records(self._mark)
        return why_unfired(self._rule, state.seen, records, self._front.url)

    def _with_refusals(self, state: RuleState) -> RuleState:
        """A client that came only when the port was closed is known to the kernel alone."""
        if state.fired or self._rule.action not in {"down", "flap"}:
            return state
        return RuleState(refused_connections() - self._refused_before, state.seen)
