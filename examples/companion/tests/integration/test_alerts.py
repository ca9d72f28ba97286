from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis as AsyncRedis

from companion.alert_state import SharedState, StateFile
from companion.alerts import Alert, AlertManager
from companion.constants import ALERT_COOLDOWN, ALERTS, ALERTS_PER_HOUR, ALERTS_RESERVED, HOUR
from companion.errors import AlertError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_nadia.clock import VirtualClock
    from pytest_nadia.redis.faults import RedisFaults
    from redis import Redis

    from companion.alerts import Attempt, Severity

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDINARY = ALERTS_PER_HOUR - ALERTS_RESERVED


@dataclass
class Tape:
    """A channel that keeps what it is given, and fails or hangs on demand."""

    fails: bool = False
    hangs: bool = False
    received: list[Alert] = field(default_factory=list)
    name: str = "tape"
    seconds: float = 0.1
    lowest: Severity = "info"

    def deliver(self, alert: Alert, attempt: Attempt) -> None:
        if self.fails:
            raise AlertError("out of order")
        attempt.sent = True
        self.received.append(alert)
        if self.hangs:
            raise TimeoutError


@pytest.fixture
def clock(virtual_clock: VirtualClock) -> VirtualClock:
    """Noon on a day in March: nothing moves it but the test."""
    virtual_clock.step(NOON.timestamp() - virtual_clock.time())
    return virtual_clock


@dataclass
class Desk:
    """A manager that can be restarted, and its only channel."""

    path: Path
    tape: Tape = field(default_factory=Tape)
    shared: SharedState | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.manager = AlertManager([self.tape], StateFile(self.path), self.shared)

    def send(self, key: str = "a", severity: Severity = "warning", **more: Any) -> str:
        """Why it was not delivered, or nothing."""
        alert = Alert(key, severity, "A title", "A text", **more)
        outcome = asyncio.run(self.manager.send(alert))
        assert outcome.delivered == (not outcome.reason)
        return outcome.reason


@pytest.fixture
def desk(tmp_path: Path, clock: VirtualClock) -> Desk:
    return Desk(tmp_path / "alerts.json")


REPEATED = "an equal one was delivered within 30 minutes"
FULL = "10 were delivered within an hour"
RESERVED = "the last 3 of an hour are kept for critical ones"


def test_equal_alerts_are_half_an_hour_apart(desk: Desk, clock: VirtualClock) -> None:
    assert desk.send() == ""
    clock.advance(ALERT_COOLDOWN - 1)
    assert desk.send() == REPEATED
    assert desk.send("b") == ""
    clock.advance(1)
    assert desk.send() == ""
    assert [one.key for one in desk.tape.received] == ["a", "b", "a"]


def test_the_last_of_an_hour_are_kept_for_critical_ones(desk: Desk) -> None:
    for number in range(ORDINARY):
        assert desk.send(f"ordinary {number}") == ""
    assert desk.send("one more") == RESERVED
    for number in range(ALERTS_RESERVED):
        assert desk.send(f"critical {number}", "critical") == ""
    assert desk.send("another", "critical") == FULL
    assert desk.send("another", "info") == FULL


def test_the_critical_ones_may_have_the_whole_hour(desk: Desk) -> None:
    for number in range(ALERTS_PER_HOUR):
        assert desk.send(str(number), "critical") == ""
    assert desk.send("one more", "critical") == FULL


def test_the_budget_comes_back_alert_by_alert(desk: Desk, clock: VirtualClock) -> None:
    """One every 31 minutes for a day is always within the limits."""
    for number in range(46):
        assert desk.send(f"kind {number % 2}") == ""
        clock.advance(31 * 60)


def test_an_hour_is_any_hour(desk: Desk, clock: VirtualClock) -> None:
    for number in range(ORDINARY):
        desk.send(str(number))
        clock.advance(60)
    clock.advance(HOUR - ORDINARY * 60 - 1)
    assert desk.send("late") == RESERVED
    clock.advance(1)
    assert desk.send("late") == ""
    assert desk.send("later") == RESERVED


def test_a_failed_delivery_uses_no_budget(desk: Desk) -> None:
    desk.tape.fails = True
    for _ in range(ALERTS_PER_HOUR * 2):
        assert desk.send("a", "critical") == "every channel failed"
    desk.tape.fails = False
    assert desk.send("a", "critical") == ""


def test_what_no_channel_takes_uses_no_budget(desk: Desk) -> None:
    desk.tape.lowest = "warning"
    for number in range(ALERTS_PER_HOUR * 2):
        assert desk.send(str(number), "info") == "no channel takes it"
    assert desk.send("0", "warning") == ""


def test_a_delivery_whose_answer_is_missing_counts_as_delivered(desk: Desk) -> None:
    desk.tape.hangs = True
    assert desk.send() == ""
    assert desk.send() == REPEATED
    assert len(desk.tape.received) == 1


def test_one_channel_that_takes_it_is_enough(tmp_path: Path) -> None:
    good, bad = Tape(), Tape(fails=True)
    manager = AlertManager([bad, good], StateFile(tmp_path / "alerts.json"))
    assert asyncio.run(manager.send(Alert("a", "info", "t", "t"))).delivered
    assert len(good.received) == 1


def test_a_restart_forgets_nothing(desk: Desk, clock: VirtualClock) -> None:
    for number in range(ORDINARY):
        assert desk.send(str(number)) == ""
    clock.advance(60)
    desk.restart()
    assert desk.send("0") == REPEATED
    assert desk.send("one more") == RESERVED
    clock.advance(HOUR - 61)
    desk.restart()
    assert desk.send("one more") == RESERVED
    clock.advance(1)
    desk.restart()
    assert desk.send("one more") == ""


@pytest.mark.parametrize("seconds", [-7200, 7200, -86_400 * 30])
def test_a_step_of_the_wall_clock_changes_nothing(
    desk: Desk, clock: VirtualClock, seconds: float
) -> None:
    assert desk.send() == ""
    clock.step(seconds)
    assert desk.send() == REPEATED
    desk.restart()
    assert desk.send() == REPEATED
    clock.advance(ALERT_COOLDOWN)
    assert desk.send() == ""


@pytest.fixture
def rebooted(monkeypatch: pytest.MonkeyPatch) -> None:
    boots = iter(range(100))
    monkeypatch.setattr("companion.alert_state._boot", lambda: f"boot {next(boots)}")


@pytest.mark.usefixtures("rebooted")
def test_after_a_reboot_the_wall_clock_tells(desk: Desk, clock: VirtualClock) -> None:
    assert desk.send() == ""
    clock.advance(ALERT_COOLDOWN - 5)
    desk.restart()
    assert desk.send() == REPEATED
    clock.advance(5)
    assert desk.send() == ""


@pytest.mark.usefixtures("rebooted")
def test_a_reboot_with_a_clock_set_back_silences_no_longer_than_the_cooldown(
    desk: Desk, clock: VirtualClock
) -> None:
    assert desk.send() == ""
    clock.step(-86_400)
    desk.restart()
    assert desk.send() == REPEATED
    clock.advance(ALERT_COOLDOWN)
    assert desk.send() == ""


STAMPS: list[Any] = [
    datetime(2026, 3, 1, 12),
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))),
    "2026-03-01T12:00:00",
    "2026-03-01T12:00:00Z",
    "2026-03-01T14:00:00+02:00",
    datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp(),
]


@pytest.mark.parametrize("stamp", STAMPS, ids=str)
def test_every_form_of_a_time_means_the_same(desk: Desk, clock: VirtualClock, stamp: Any) -> None:
    for one in STAMPS:
        alert = Alert.of("a", "warning", "t", "t", one)
        asyncio.run(desk.manager.send(alert))
    clock.advance(ALERT_COOLDOWN)
    alert = Alert.of("a", "warning", "t", "t", stamp)
    assert asyncio.run(desk.manager.send(alert)).delivered
    assert [one.at.isoformat() for one in desk.tape.received] == ["2026-03-01T12:00:00+00:00"] * 2


@pytest.mark.parametrize("stamp", ["soon", "", 1e300, float("nan"), None, []])
def test_a_time_that_cannot_be_read_holds_nothing_up(desk: Desk, stamp: Any) -> None:
    alert = Alert.of("a", "warning", "t", "t", stamp)
    assert asyncio.run(desk.manager.send(alert)).delivered
    assert desk.tape.received[0].at.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"boot": "x", "deliveries": [{}]}', "[" * 9999, "\0"]
)
def test_a_damaged_file_is_replaced(desk: Desk, text: str) -> None:
    desk.path.write_text(text)
    assert desk.send() == ""
    desk.restart()
    assert desk.send() == REPEATED


def test_alerts_need_no_file(desk: Desk, tmp_path: Path, clock: VirtualClock) -> None:
    desk.path = tmp_path / "nowhere" / "alerts.json"
    desk.restart()
    for number in range(ORDINARY):
        assert desk.send(str(number)) == ""
    assert desk.send("0") == REPEATED
    assert desk.send("one more") == RESERVED
    clock.advance(HOUR)
    assert desk.send("one more") == ""


def test_a_disk_that_is_full_later_forgets_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.send() == ""
    desk.restart()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StateFile, "_save", full)
    assert desk.send() == REPEATED
    assert desk.send("b") == ""
    assert desk.send("b") == REPEATED


def test_two_programs_on_one_file_share_the_budget(desk: Desk) -> None:
    first = desk.manager
    desk.restart()
    second = desk.manager

    async def both() -> list[bool]:
        sent = [
            manager.send(Alert(str(number), "warning", "t", "t"))
            for number in range(ALERTS_PER_HOUR)
            for manager in (first, second)
        ]
        return [one.delivered for one in await asyncio.gather(*sent)]

    assert sum(asyncio.run(both())) == ORDINARY
    assert len({one.key for one in desk.tape.received}) == ORDINARY


def test_secrets_and_halves_of_characters_do_not_go_out(desk: Desk) -> None:
    word = "hunter" + "2"
    alert = Alert("a", "info", f"redis://:{word}@h", f"password={word} \ud800")
    assert asyncio.run(desk.manager.send(alert)).delivered
    (sent,) = desk.tape.received
    assert word not in sent.title + sent.text
    sent.text.encode()


@contextmanager
def sharing(desk: Desk, url: str) -> Iterator[None]:
    """Each alert in a loop of its own, so with a client of its own."""

    class Fresh(SharedState):
        def __init__(self) -> None:
            pass

        async def recent(self) -> Any:
            async with AsyncRedis.from_url(url, decode_responses=True, socket_timeout=5) as client:
                return await SharedState(client).recent()

        async def tell(self, delivery: Any) -> None:
            async with AsyncRedis.from_url(url, decode_responses=True, socket_timeout=5) as client:
                await SharedState(client).tell(delivery)

    desk.shared = Fresh()
    desk.restart()
    yield


def test_a_program_elsewhere_knows_through_redis(
    desk: Desk, redis_url: str, redis_client: Redis, tmp_path: Path
) -> None:
    with sharing(desk, redis_url):
        assert desk.send() == ""
        assert 0 < redis_client.ttl(ALERTS) <= HOUR
        desk.path = tmp_path / "of another machine.json"
        desk.restart()
        assert desk.send() == REPEATED
        assert desk.send("b") == ""


def test_the_file_is_enough_when_redis_is_gone(
    desk: Desk, redis_url: str, redis_client: Redis, redis_faults: RedisFaults
) -> None:
    with sharing(desk, redis_url):
        assert desk.send() == ""
        with redis_faults.down():
            assert desk.send() == REPEATED
            desk.restart()
            assert desk.send() == REPEATED
            assert desk.send("b", "critical") == ""
        redis_client.flushdb()
        assert desk.send("b", "critical") == REPEATED


def test_a_redis_that_hangs_holds_no_alert_up(
    desk: Desk, redis_url: str, redis_faults: RedisFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("companion.alerts.ALERT_SHARED_SECONDS", 0.05)
    with sharing(desk, redis_url), redis_faults.hang():
        assert desk.send() == ""
        assert desk.send() == REPEATED


@pytest.mark.redis(lints={"key-without-expiry": "off"})
def test_nonsense_in_redis_holds_no_alert_up(
    desk: Desk, redis_url: str, redis_client: Redis
) -> None:
    redis_client.zadd(ALERTS, {"not json": 1e12, "[1]": 5, json.dumps(["x", "a", False]): 5})
    with sharing(desk, redis_url):
        assert desk.send() == ""
    redis_client.set(ALERTS, "foreign")
    with sharing(desk, redis_url):
        assert desk.send("b") == ""
