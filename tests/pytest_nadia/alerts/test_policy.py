"""The state machine finds what is wrong with an alert manager, and nothing in a right one."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from pytest_nadia.alerts.policy import Alert, AlertPolicyError, World, assert_alert_policy

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600
COOLDOWN = 1800


@dataclass
class Limiter:
    """A right manager: ages by the monotonic clock, kept in a file as times of the wall clock."""

    world: World
    log: list[tuple[str, str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.log = []
        path = self.world.directory / "alerts.json"
        if path.exists():
            now, wall = time.monotonic(), time.time()
            stored = json.loads(path.read_text())
            self.log = [(key, kind, now - max(0.0, wall - at)) for key, kind, at in stored]

    def close(self) -> None:
        pass

    def send(self, alert: Alert) -> None:
        if self.is_allowed(alert) and self.deliver(alert):
            self.remember(alert)

    def is_allowed(self, alert: Alert) -> bool:
        now = self.now(alert)
        hour = [entry for entry in self.log if now - entry[2] < HOUR]
        if any(key == alert.key and now - at < COOLDOWN for key, _, at in self.log):
            return False
        return len(hour) < 10 and (alert.severity == "critical" or self.leaves_reserve(hour))

    def leaves_reserve(self, hour: list[tuple[str, str, float]]) -> bool:
        return sum(kind != "critical" for _, kind, _ in hour) < 7

    def deliver(self, alert: Alert) -> bool:
        delivered = False
        for channel in self.world.channels:
            if channel.takes(alert.severity):
                try:
                    channel.deliver(alert.text)
                    delivered = True
                except TimeoutError:
                    delivered = True
                except ConnectionError:
                    continue
        return delivered

    def remember(self, alert: Alert) -> None:
        self.log.append((alert.key, alert.severity, self.now(alert)))
        now, wall = time.monotonic(), time.time()
        stored = [(key, kind, wall - (now - at)) for key, kind, at in self.log]
        (self.world.directory / "alerts.json").write_text(json.dumps(stored))

    def now(self, alert: Alert) -> float:
        return time.monotonic()


class HoldsBackEarlier(Limiter):
    """Right too: critical alerts count for the share of the others."""

    def leaves_reserve(self, hour: list[tuple[str, str, float]]) -> bool:
        return len(hour) < 7


class Asynchronous:
    """Right too, and slow: each delivery takes three seconds."""

    def __init__(self, world: World) -> None:
        self.limiter = Limiter(world)

    async def restart(self) -> None:
        self.limiter.restart()

    async def send(self, alert: Alert) -> None:
        await asyncio.sleep(3)
        self.limiter.send(alert)
        await asyncio.sleep(3)

    async def close(self) -> None:
        self.limiter.close()


class CounterNeverDecays(Limiter):
    """Starts a new hour only when nothing was delivered for an hour."""

    def is_allowed(self, alert: Alert) -> bool:
        hour: list[tuple[str, str, float]] = []
        for entry in self.log:
            hour = [*hour, entry] if hour and entry[2] - hour[-1][2] < HOUR else [entry]
        if hour and time.monotonic() - hour[-1][2] >= HOUR:
            hour = []
        return super().is_allowed(alert) and len(hour) < 10


class CountsFailedSends(Limiter):
    def send(self, alert: Alert) -> None:
        if self.is_allowed(alert):
            self.deliver(alert)
            if any(channel.takes(alert.severity) for channel in self.world.channels):
                self.remember(alert)


class InfoBurnsBudget(Limiter):
    def deliver(self, alert: Alert) -> bool:
        return super().deliver(alert) or alert.severity == "info"


class ForgetsAtRestart(Limiter):
    def restart(self) -> None:
        self.log = []


class MixesTimestamps(Limiter):
    """Reads each timestamp as it is written."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.last: dict[str, datetime] = {}

    def send(self, alert: Alert) -> None:
        at = alert.timestamp
        when = at if isinstance(at, datetime) else datetime.fromisoformat(at)
        if alert.key in self.last and when - self.last[alert.key] < timedelta(seconds=COOLDOWN):
            return
        if self.is_allowed(alert) and self.deliver(alert):
            self.last[alert.key] = when
            self.remember(alert)


class TrustsWallClock(Limiter):
    def now(self, alert: Alert) -> float:
        return time.time()

    def restart(self) -> None:
        self.log = []
        path = self.world.directory / "alerts.json"
        if path.exists():
            self.log = [tuple(entry) for entry in json.loads(path.read_text())]

    def remember(self, alert: Alert) -> None:
        self.log.append((alert.key, alert.severity, time.time()))
        (self.world.directory / "alerts.json").write_text(json.dumps(self.log))


class NewManagerEachCall(Limiter):
    def send(self, alert: Alert) -> None:
        self.log = []
        super().send(alert)


class NeedsRedis(Limiter):
    def send(self, alert: Alert) -> None:
        self.world.check_redis()
        super().send(alert)


class Flawed(Limiter):
    """Numbers that are off."""

    cooldown: ClassVar[int] = COOLDOWN
    window: ClassVar[int] = HOUR
    limit: ClassVar[int] = 10
    share: ClassVar[int] = 7

    def is_allowed(self, alert: Alert) -> bool:
        now = self.now(alert)
        hour = [entry for entry in self.log if now - entry[2] < self.window]
        if any(key == alert.key and now - at < self.cooldown for key, _, at in self.log):
            return False
        others = sum(kind != "critical" for _, kind, _ in hour)
        return len(hour) < self.limit and (alert.severity == "critical" or others < self.share)


class SecondChannelForgotten(Limiter):
    """Gives up when the first channel fails."""

    def deliver(self, alert: Alert) -> bool:
        taking = [channel for channel in self.world.channels if channel.takes(alert.severity)]
        for channel in taking:
            channel.deliver(alert.text)
        return bool(taking)


class RepeatsAfterTimeout(Limiter):
    def deliver(self, alert: Alert) -> bool:
        try:
            for channel in self.world.channels:
                if channel.takes(alert.severity):
                    channel.deliver(alert.text)
                    return True
        except OSError:
            return False
        return False


class RemembersInRedisAlone(Limiter):
    """The file is written only while Redis is down, and is read only then."""

    def __post_init__(self) -> None:
        self.redis: list[tuple[str, str, float]] = []
        super().__post_init__()

    def restart(self) -> None:
        super().restart()
        if self.world.redis_up:
            self.log = list(self.redis)

    def remember(self, alert: Alert) -> None:
        if self.world.redis_up:
            self.log.append((alert.key, alert.severity, time.monotonic()))
            self.redis = list(self.log)
        else:
            super().remember(alert)


class CannotStartWithoutRedis(Limiter):
    def restart(self) -> None:
        self.world.check_redis()
        super().restart()


SEEDED = {
    CounterNeverDecays: "an alert that fits its budget is delivered",
    CountsFailedSends: "failed deliveries use no budget",
    InfoBurnsBudget: "alerts that no channel takes use no budget",
    ForgetsAtRestart: "the past survives a restart",
    MixesTimestamps: "naive, aware and Z timestamps mean the same",
    TrustsWallClock: "a step of the wall clock changes nothing",
    NewManagerEachCall: "equal alerts are 00:30:00 apart",
    NeedsRedis: "alerting and its memory do without Redis",
}
OTHERS = {
    SecondChannelForgotten: "an alert that fits its budget is delivered",
    RepeatsAfterTimeout: "a delivery whose answer timed out counts as delivered",
    RemembersInRedisAlone: "alerting and its memory do without Redis",
    CannotStartWithoutRedis: "alerting and its memory do without Redis",
}


def found_in(make_manager: Callable[[World], Any], **options: Any) -> AlertPolicyError:
    with pytest.raises(AlertPolicyError) as caught:
        assert_alert_policy(make_manager, **options)
    return caught.value


def rules_of(error: AlertPolicyError) -> set[str]:
    return {rule for violation in error.violations for rule in violation.rules}


@pytest.mark.slow
@pytest.mark.parametrize("manager", SEEDED)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_seeded_bug_is_found_in_under_200_examples(
    manager: type[Limiter], seed: int, record_property: Callable[[str, object], None]
) -> None:
    error = found_in(manager, seed=seed)
    assert SEEDED[manager] in rules_of(error)
    first = min(violation.example for violation in error.violations)
    record_property("examples", first)
    assert 0 < first < 200


@pytest.mark.slow
@pytest.mark.parametrize("manager", OTHERS)
def test_other_bugs_are_found_too(manager: type[Limiter]) -> None:
    assert OTHERS[manager] in rules_of(found_in(manager))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("cooldown", COOLDOWN - 2, "equal alerts are 00:30:00 apart"),
        ("cooldown", COOLDOWN + 2, "an alert that fits its budget is delivered"),
        ("window", HOUR - 2, "3 of 10 an hour are for critical alerts"),
        ("window", HOUR + 2, "an alert that fits its budget is delivered"),
        ("limit", 11, "at most 10 alerts are delivered in any hour"),
        ("limit", 9, "an alert that fits its budget is delivered"),
        ("share", 8, "3 of 10 an hour are for critical alerts"),
        ("share", 6, "an alert that fits its budget is delivered"),
    ],
)
def test_numbers_that_are_slightly_off_are_found(name: str, value: int, rule: str) -> None:
    assert rule in rules_of(found_in(type("Off", (Flawed,), {name: value})))


@pytest.mark.slow
def test_nothing_is_found_in_a_right_manager_in_2000_examples() -> None:
    report = assert_alert_policy(Limiter, examples=2000)
    assert report.examples >= 2000
    assert report.sent > 10_000 < 2 * report.delivered


@pytest.mark.slow
@pytest.mark.parametrize("manager", [HoldsBackEarlier, Asynchronous, Flawed])
def test_nothing_is_found_in_other_right_managers(manager: type[Limiter]) -> None:
    assert assert_alert_policy(manager, seed=None).delivered > 500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "reserve", "cooldown"), [(1, 0, 60), (2, 2, 7200), (50, 10, 5), (3, 1, 3600)]
)
def test_nothing_is_found_with_other_numbers(limit: int, reserve: int, cooldown: int) -> None:
    numbers = {"limit": limit, "share": limit - reserve, "cooldown": cooldown}
    right = type("Right", (Flawed,), numbers)
    options: dict[str, Any] = {"per_hour": limit, "critical_reserve": reserve, "cooldown": cooldown}
    assert assert_alert_policy(right, **options).delivered > 0
    off = type("Off", (Flawed,), numbers | {"limit": limit + 1})
    assert f"at most {limit} alerts are delivered in any hour" in rules_of(found_in(off, **options))


def test_a_right_manager_passes_and_the_report_says_what_was_tried() -> None:
    report = assert_alert_policy(Limiter, examples=10)
    assert report.examples >= 10
    assert report.sent > report.delivered > 20


def test_the_same_seed_tries_the_same() -> None:
    first, second, other = (assert_alert_policy(Limiter, examples=5, seed=n) for n in (1, 1, 2))
    assert first == second != other


@pytest.mark.slow
def test_the_story_is_short_and_has_times() -> None:
    error = found_in(ForgetsAtRestart)
    assert [violation.story for violation in error.violations] == [
        (
            "00:00:00  chat takes warning, critical; pager takes critical",
            "00:00:00  warning-1 sent -> delivered by chat",
            "00:00:00  the manager restarts",
            "00:00:00  warning-1 sent -> delivered by chat",
        )
    ]
    assert str(error).startswith(
        "the alert policy is broken in 1 way(s)\n\nthe past survives a restart (example "
    )
    assert str(error).endswith(
        "broken: warning-1 was delivered again after 00:00:00; the cooldown is 00:30:00"
    )


def test_a_manager_that_cannot_alert_without_redis_is_told_so() -> None:
    error = found_in(NeedsRedis, examples=30, steps=6)
    assert rules_of(error) == {SEEDED[NeedsRedis]}
    assert error.violations[0].story == (
        "00:00:00  chat takes warning, critical; pager takes critical",
        "00:00:00  Redis is down",
        "00:00:00  warning-1 sent -> not delivered (raised ConnectionError: Redis is down)",
    )


def test_a_message_without_the_text_of_the_alert_is_the_adapters_fault() -> None:
    class Mute(Limiter):
        def deliver(self, alert: Alert) -> bool:
            self.world.channels[0].deliver("something is wrong")
            return True

    with pytest.raises(RuntimeError, match="let the adapter pass the alert's `text` on"):
        assert_alert_policy(Mute, examples=3)


def test_a_manager_that_cannot_be_made_shows_its_own_error() -> None:
    def make(world: World) -> Limiter:
        raise LookupError("no such webhook")

    with pytest.raises(LookupError, match="no such webhook"):
        assert_alert_policy(make)


def test_a_manager_that_acts_at_random_is_named() -> None:
    class Moody(Limiter):
        idle: ClassVar[bool] = True

        def deliver(self, alert: Alert) -> bool:
            idle, Moody.idle = Moody.idle, False
            return not idle and super().deliver(alert)

    assert "did not break it again" in str(found_in(Moody, examples=10))


def test_an_async_manager_that_never_answers_ends() -> None:
    class Stuck(Asynchronous):
        async def send(self, alert: Alert) -> None:
            await asyncio.Event().wait()

    assert "raised TimeoutError" in str(found_in(Stuck, examples=2))


def test_tasks_of_the_manager_end_with_its_process() -> None:
    """What still waits to be sent again at a crash is lost, and arrives from no ghost."""

    class Later(Asynchronous):
        def __init__(self, world: World) -> None:
            super().__init__(world)
            self.tasks: list[asyncio.Task[None]] = []

        async def send(self, alert: Alert) -> None:
            self.tasks.append(asyncio.create_task(super().send(alert)))
            await asyncio.sleep(8)

    assert assert_alert_policy(Later, examples=5).delivered > 5


def test_the_manager_is_told_when_redis_goes_and_comes() -> None:
    seen: list[bool] = []

    class Watching(Limiter):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.world.on_redis(seen.append)

    assert_alert_policy(Watching, examples=20)
    assert set(seen) == {True, False}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_hour": 0}, "per_hour must be 1 or more, not 0"),
        ({"critical_reserve": 11}, "critical_reserve must be from 0 to per_hour, not 11"),
        ({"cooldown": 0}, "cooldown must be from 2 seconds to 7 days, not 0 seconds"),
        ({"cooldown": timedelta(days=8)}, "cooldown must be from 2 seconds to 7 days, not 691200"),
    ],
)
def test_a_policy_that_nobody_can_keep_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assert_alert_policy(Limiter, **options)


async def in_a_loop() -> None:
    assert_alert_policy(Limiter)


def test_it_says_so_inside_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match="call it from a test that is not async"):
        asyncio.run(in_a_loop())


def test_a_failure_shows_no_frame_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_nadia.alerts.policy import assert_alert_policy

        class Silent:
            def __init__(self, world): pass
            def send(self, alert): pass
            def restart(self): pass
            def close(self): pass

        def test_alerts():
            assert_alert_policy(Silent, examples=3)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*warning-1 sent -> not delivered"])
    result.stdout.no_fnmatch_line("*policing*")
    result.stdout.no_fnmatch_line("*hypothesis/*")
