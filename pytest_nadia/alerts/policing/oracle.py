"""What a right manager must deliver, and must not: a log of what was delivered decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_nadia.alerts.policing.policy import HOUR, Breach, clock_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_nadia.alerts.policing.alert import Alert
    from pytest_nadia.alerts.policing.policy import Policy
    from pytest_nadia.alerts.policing.world import Delivery


@dataclass
class Entry:
    """One delivered alert. A manager may take it for delivered from `earliest` to `latest`."""

    alert: Alert
    earliest: float
    latest: float
    channels: set[str]


class Oracle:
    """Knows the past hour, and nothing of how the manager works.

    The reserve can be read in two ways: non-critical alerts never take more than the rest of the
    budget, or they are held back as soon as alerts of any severity have taken it. Either is fine:
    too many by both is a breach, and what fits by both must be delivered.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.entries: list[Entry] = []
        self._unsaved_step = 0.0

    def step(self, seconds: float) -> None:
        """The wall clock was put forward or back while the manager runs."""
        self._unsaved_step += seconds

    def restart(self) -> None:
        """The manager reads back what it wrote, in the time of the wall clock.

        A step that no delivery followed is like one while the process is down: it may not be
        written down anywhere.
        """
        for entry in self.entries:
            entry.earliest -= max(0.0, self._unsaved_step)
            entry.latest += max(0.0, -self._unsaved_step)
        self._unsaved_step = 0.0

    def deliver(self, alert: Alert, delivery: Delivery) -> Breach | None:
        """Write a delivery down, and judge it."""
        for entry in self.entries:
            if entry.alert.number == alert.number and delivery.channel not in entry.channels:
                entry.channels.add(delivery.channel)
                return None
        breach = self._early(alert, delivery.at) or self._too_many(alert, delivery.at)
        self.entries.append(Entry(alert, delivery.at, delivery.at, {delivery.channel}))
        self._unsaved_step = 0.0
        return breach

    def end_of_send(self, number: int, at: float) -> None:
        """The manager may have looked at its clock only now."""
        for entry in self.entries:
            if entry.alert.number == number:
                entry.latest = max(entry.latest, at)

    def is_delivered(self, number: int) -> bool:
        return any(entry.alert.number == number for entry in self.entries)

    def fits(self, alert: Alert, at: float) -> bool:
        """Whether nothing allows the manager to hold this alert back."""
        cooling = self._withholding(at, self._policy.cooldown)
        if any(entry.alert.key == alert.key for entry in cooling):
            return False
        budget = self._policy.per_hour
        if alert.severity != "critical":
            budget -= self._policy.reserve
        return sum(1 for _ in self._withholding(at, HOUR)) < budget

    def _withholding(self, at: float, seconds: float) -> Iterable[Entry]:
        limit = seconds + self._policy.tolerance
        return (entry for entry in self.entries if at - entry.latest <= limit)

    def _recent(self, at: float, seconds: float) -> list[Entry]:
        limit = seconds - self._policy.tolerance
        return [entry for entry in self.entries if at - entry.earliest < limit]

    def _early(self, alert: Alert, at: float) -> Breach | None:
        equal = [
            entry
            for entry in self._recent(at, self._policy.cooldown)
            if entry.alert.key == alert.key
        ]
        if not equal:
            return None
        return Breach(
            "cooldown",
            f"{alert.key} was delivered again after {clock_text(at - equal[-1].earliest)}; "
            f"the cooldown is {clock_text(self._policy.cooldown)}",
        )

    def _too_many(self, alert: Alert, at: float) -> Breach | None:
        recent = self._recent(at, HOUR)
        if len(recent) + 1 > self._policy.per_hour:
            return Breach(
                "limit",
                f"{alert.key} was number {len(recent) + 1} of the past hour; "
                f"the limit is {self._policy.per_hour}",
            )
        return None if alert.severity == "critical" else self._into_reserve(alert, recent)

    def _into_reserve(self, alert: Alert, recent: list[Entry]) -> Breach | None:
        number = sum(entry.alert.severity != "critical" for entry in recent) + 1
        share = self._policy.per_hour - self._policy.reserve
        if number <= share:
            return None
        return Breach(
            "reserve",
            f"{alert.key} was number {number} of the past hour's non-critical alerts; "
            f"{share} leave the reserve free",
        )
