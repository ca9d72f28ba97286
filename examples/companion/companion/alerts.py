"""Alerts that reach a person: few enough to be read, and none lost when it matters.

Within any hour at most ALERTS_PER_HOUR are delivered, ALERTS_RESERVED of them only if they are
critical, and equal ones are ALERT_COOLDOWN apart. Only what a channel took is counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from companion.alert_state import Delivery
from companion.constants import (
    ALERT_COOLDOWN,
    ALERT_SHARED_SECONDS,
    ALERT_STATE_SECONDS,
    ALERTS_PER_HOUR,
    ALERTS_RESERVED,
    DAY,
    HOUR,
)
from companion.errors import handle_errors
from companion.log import redact
from companion.moments import moment, now
from companion.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from companion.alert_state import SharedState, StateFile

    Edit = Callable[[list["Delivery"]], list["Delivery"]]

log = logging.getLogger("companion")

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True)
class Alert:
    """Alerts with the same `key` are equal. `at` without a time zone is in UTC."""

    key: str
    severity: Severity
    title: str
    text: str
    at: datetime = field(default_factory=now)

    @classmethod
    def of(
        cls, key: str, severity: Severity, title: str, text: str, at: datetime | str | float
    ) -> Alert:
        """An alert of a time in any form; one that cannot be read does not hold the alert up."""
        try:
            return cls(key, severity, title, text, moment(at))
        except ValueError:
            return cls(key, severity, title, text)

    def printable(self) -> Alert:
        """Without secrets, and in letters that every encoding knows."""
        title, text = (
            redact(one.encode("utf-8", "replace").decode()) for one in (self.title, self.text)
        )
        return replace(self, title=title, text=text, at=moment(self.at))


@dataclass
class Attempt:
    """One channel's try; `sent` once all has been handed over and only the answer is missing."""

    sent: bool = False


class Channel(Protocol):
    """One way to a person; `seconds` is the longest that a delivery may take."""

    name: str
    seconds: float
    lowest: Severity

    # Runs in a thread. Raises AlertError or OSError if it was not delivered.
    def deliver(self, alert: Alert, attempt: Attempt) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """Whether a channel took the alert, and why if none did."""

    delivered: bool
    reason: str = ""


def refusal(alert: Delivery, deliveries: Iterable[Delivery]) -> str:
    """Why `alert` must not be delivered after `deliveries`; empty if it may."""
    lately = [one for one in deliveries if alert.at - one.at < HOUR]
    equal = [one for one in lately if one.key == alert.key]
    if any(alert.at - one.at < ALERT_COOLDOWN for one in equal):
        return f"an equal one was delivered within {ALERT_COOLDOWN // 60} minutes"
    if len(lately) >= ALERTS_PER_HOUR:
        return f"{ALERTS_PER_HOUR} were delivered within an hour"
    ordinary = [one for one in lately if not one.critical]
    if not alert.critical and len(ordinary) >= ALERTS_PER_HOUR - ALERTS_RESERVED:
        return f"the last {ALERTS_RESERVED} of an hour are kept for critical ones"
    return ""


class AlertManager:
    """Sends alerts over all `channels` that take them. Needs neither Redis nor a writable disk."""

    def __init__(
        self, channels: Sequence[Channel], file: StateFile, shared: SharedState | None = None
    ) -> None:
        self._channels = channels
        self._file = file
        self._shared = shared
        self._stored: list[Delivery] = []
        self._heard: list[Delivery] = []
        self._mine: dict[str, Delivery] = {}
        self._given_up: dict[str, float] = {}

    async def send(self, alert: Alert) -> Outcome:
        """Deliver `alert` if it may be now. Raises nothing but cancellation."""
        takers = [one for one in self._channels if _takes(one, alert)]
        if not takers:
            return Outcome(False, "no channel takes it")
        await self._hear_of_others()
        claim = Delivery(uuid.uuid4().hex, alert.key, alert.severity == "critical", 0.0)
        if reason := await self._claim(claim):
            return Outcome(False, reason)
        # From here on it counts as delivered, also if this program is stopped meanwhile.
        printable = alert.printable()
        if not any(await asyncio.gather(*(_deliver(one, printable) for one in takers))):
            await self._give_up(claim.id)
            return Outcome(False, "every channel failed")
        await self._keep(replace(claim, at=time.monotonic()))
        return Outcome(True)

    async def _claim(self, claim: Delivery) -> str:
        """Take a place in the budget, or say why there is none."""
        reason, wanted = "", claim

        def edit(known: list[Delivery]) -> list[Delivery]:
            nonlocal reason, wanted
            wanted = replace(claim, at=time.monotonic())
            reason = refusal(wanted, known)
            return known if reason else [*known, wanted]

        await self._change(edit)
        if not reason:
            self._mine[claim.id] = wanted
        return reason

    async def _give_up(self, name: str) -> None:
        self._mine.pop(name, None)
        self._given_up[name] = time.monotonic()
        await self._change(lambda known: known)

    async def _keep(self, delivered: Delivery) -> None:
        self._mine[delivered.id] = delivered
        await self._change(lambda known: known)
        if self._shared is not None:
            with handle_errors(log, "the alert is not shared", absorb=(Exception,)):
                async with asyncio.timeout(ALERT_SHARED_SECONDS):
                    await self._shared.tell(delivered)

    async def _hear_of_others(self) -> None:
        if self._shared is None:
            return
        with handle_errors(log, "alerts of others are not known", absorb=(Exception,)):
            async with asyncio.timeout(ALERT_SHARED_SECONDS):
                found = await self._shared.recent()
            known = {one.id for one in self._heard}
            self._heard += [one for one in found if one.id not in known]

    async def _change(self, edit: Edit) -> None:
        """Apply `edit` to what is in the file and in memory, or in memory alone."""
        results: list[list[Delivery]] = []

        def whole(stored: list[Delivery]) -> list[Delivery]:
            results.append(edit(self._merged(stored)))
            return results[-1]

        with handle_errors(log, "the state of the alerts", absorb=(OSError, TimeoutError)):
            await in_thread(lambda: self._file.change(whole), ALERT_STATE_SECONDS)
        self._stored = results[0] if results else whole(self._stored)
        self._heard = _kept(self._heard)
        self._mine = {one.id: one for one in _kept(self._mine.values())}
        oldest = time.monotonic() - DAY
        self._given_up = {one: at for one, at in self._given_up.items() if at > oldest}

    def _merged(self, stored: Iterable[Delivery]) -> list[Delivery]:
        """Each delivery once, by whoever measures its age best: this program, the file, Redis."""
        stored = (one for one in stored if one.id not in self._given_up)
        known = {one.id: one for one in [*self._heard, *stored, *dict(self._mine).values()]}
        return _kept(known.values())


def _takes(channel: Channel, alert: Alert) -> bool:
    return SEVERITIES.index(alert.severity) >= SEVERITIES.index(channel.lowest)


async def _deliver(channel: Channel, alert: Alert) -> bool:
    """Whether it was delivered; a delivery whose answer is missing counts as one."""
    attempt = Attempt()
    try:
        await in_thread(lambda: channel.deliver(alert, attempt), channel.seconds)
    except TimeoutError:
        log.error("no answer from %s within %g s", channel.name, channel.seconds)
        return attempt.sent
    except Exception as error:
        log.error("%s did not take the alert: %s: %s", channel.name, type(error).__name__, error)
        return False
    return True


def _kept(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Those of a day: an older one may still be heard of, with an age that is too small."""
    oldest = time.monotonic() - DAY
    return [one for one in deliveries if one.at > oldest]
