"""What a run under a fault says of the check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_nadia.health.reading import holds, news, shown, speaks

if TYPE_CHECKING:
    from pytest_nadia.health.bounded import Ran
    from pytest_nadia.health.fault import HealthFault, Target
    from pytest_nadia.health.reading import Reading

Outcome: TypeAlias = Literal[
    "noticed", "missed", "hung", "crashed", "false alarm", "quiet", "not applicable", "invalid"
]

REASON_NOT_CHECKED = "reason not checked: the check gives no text"


def judge(
    fault: HealthFault, target: Target, ran: Ran, healthy: Reading, number: float | None
) -> tuple[Outcome, str]:
    """The outcome and what there is to say about it.

    `number` is the one that a sized fault put in.
    """
    outcome, detail = _of_planted(fault, target, ran, healthy, number)
    if not fault.healthy:
        return outcome, detail
    if outcome == "missed" and ran.reading is not None and ran.reading.state == "healthy":
        return "quiet", ""
    return "false alarm", detail or _said(ran)


def _of_planted(
    fault: HealthFault, target: Target, ran: Ran, healthy: Reading, number: float | None
) -> tuple[Outcome, str]:
    if ran.ending == "hung":
        return "hung", ran.detail
    if ran.reading is None:
        return "crashed", ran.detail
    if ran.reading.state == "nonsense":
        return "crashed", f"gave a result that says neither healthy nor not: {_said(ran)}"
    if ran.reading.state == "healthy":
        return "missed", "says that all is well"
    if fault.healthy:
        return "noticed", _said(ran)
    return _of_reason(fault, target, ran.reading, healthy, number)


def _of_reason(
    fault: HealthFault, target: Target, now: Reading, healthy: Reading, number: float | None
) -> tuple[Outcome, str]:
    if not speaks(now) and not speaks(healthy):
        return "noticed", REASON_NOT_CHECKED
    pattern = fault.expected(target)
    named = [
        line
        for line in news(healthy, now, number)
        if pattern.search(line) or (number is not None and holds(line, number))
    ]
    if named:
        return "noticed", named[0][:200]
    return "missed", f"is red, but does not name the cause: {shown(now)[:200]}"


def _said(ran: Ran) -> str:
    return "" if ran.reading is None else shown(ran.reading)
