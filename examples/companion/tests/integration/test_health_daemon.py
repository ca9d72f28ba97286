from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_nadia.alerts.schedule import assert_schedule
from pytest_nadia.clock import virtual_clock

from companion.alert_state import StateFile
from companion.alerts import AlertManager, Outcome
from companion.channels import CommandChannel
from companion.config import Settings, from_environment
from companion.constants import FAILURES_IN_A_ROW
from companion.deep_health import check_sent_log, check_store
from companion.health_daemon import HealthDaemon, Nobody, Schedule, schedules
from companion.report import Component, Report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from pytest_nadia.clock import VirtualClock
    from pytest_nadia.redis.faults import RedisFaults

    from companion.alerts import Alert
    from companion.report import Status

pytestmark = pytest.mark.integration

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with virtual_clock() as found:
        yield found


def report(status: Status) -> Report:
    return Report((Component("redis", status, "says the test"),))


@dataclass
class Box:
    """In the place of an AlertManager, or of an Observer."""

    takes: bool = True
    alerts: list[tuple[float, Alert]] = field(default_factory=list)
    runs: dict[str, list[float]] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    async def send(self, alert: Alert) -> Outcome:
        if not self.takes:
            return Outcome(False, "every channel failed")
        self.alerts.append((time.monotonic(), alert))
        return Outcome(True)

    def checked(self, name: str, _report: Report, seconds: float) -> None:
        self.runs.setdefault(name, []).append(time.monotonic() - seconds)

    def alerted(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def watch(seconds: float, box: Box, *found: Schedule) -> HealthDaemon:
    """Run a daemon for so long."""

    async def run() -> HealthDaemon:
        daemon = HealthDaemon(found, box, box)
        asyncio.get_running_loop().call_later(seconds, daemon.stop)
        await daemon.run()
        return daemon

    return asyncio.run(run())


def after(seconds: float, status: Status = "ok") -> Callable[[], Awaitable[Report]]:
    async def check() -> Report:
        await asyncio.sleep(seconds)
        return report(status)

    return check


@pytest.mark.usefixtures("clock")
def test_a_slow_check_delays_no_other_and_not_itself() -> None:
    box = Box()
    checks = {
        5 * MINUTE: after(59.0),
        10 * MINUTE: after(0),
        4 * HOUR: after(30),
        12 * HOUR: after(1),
    }
    watch(DAY - 1, box, *(Schedule(str(every), every, check) for every, check in checks.items()))
    assert {name: len(runs) for name, runs in box.runs.items()} == {
        "300": 288, "600": 144, "14400": 6, "43200": 2,
    }  # fmt: skip
    for name, runs in box.runs.items():
        gaps = {round(later - first, 3) for first, later in pairwise(runs)}
        assert gaps == {float(name)}


@pytest.mark.usefixtures("clock")
def test_a_run_that_takes_too_long_leaves_the_next_one_out() -> None:
    box = Box()
    watch(HOUR - 1, box, Schedule("slow", 100, after(130), seconds=500))
    assert [round(one - box.runs["slow"][0]) for one in box.runs["slow"]] == [
        200 * number for number in range(len(box.runs["slow"]))
    ]


def told(box: Box) -> list[tuple[int, str]]:
    begin = min(runs[0] for runs in box.runs.values())
    return [(round((at - begin) / MINUTE), alert.severity) for at, alert in box.alerts]


def series(*statuses: Status) -> Callable[[], Awaitable[Report]]:
    rest = list(statuses)

    async def check() -> Report:
        return report(rest.pop(0) if rest else "ok")

    return check


OK, BAD, WORST = "ok", "warning", "critical"


@pytest.mark.parametrize(
    ("statuses", "alerts"),
    [
        ([OK, BAD, BAD, OK, BAD, BAD, OK], []),
        ([BAD, BAD, BAD], [(10, "warning")]),
        ([BAD] * 50, [(10, "warning")]),
        ([WORST] * 50, [(10, "critical")]),
        ([BAD, BAD, WORST], [(10, "critical")]),
        ([BAD] * 3 + [OK] + [BAD] * 3, [(10, "warning"), (30, "warning")]),
        ([BAD] * 3 + [WORST] * 2 + [BAD] * 9, [(10, "warning")]),
        ([BAD] * 3 + [WORST] * 9, [(10, "warning"), (25, "critical")]),
        ([WORST] * 3 + [BAD] * 9, [(10, "critical")]),
    ],
)
@pytest.mark.usefixtures("clock")
def test_three_failures_in_a_row_are_one_alert(
    statuses: list[Status], alerts: list[tuple[int, str]]
) -> None:
    box = Box()
    watch(len(statuses) * 5 * MINUTE + 1, box, Schedule("health", 5 * MINUTE, series(*statuses)))
    assert told(box) == alerts


@pytest.mark.usefixtures("clock")
def test_an_alert_that_could_not_be_delivered_is_sent_again() -> None:
    box = Box(takes=False)

    async def check() -> Report:
        box.takes = len(box.runs.get("health", [])) >= 5
        return report("warning")

    watch(HOUR, box, Schedule("health", 5 * MINUTE, check))
    assert told(box) == [(25, "warning")]
    assert [one.delivered for one in box.outcomes] == [False] * 3 + [True]


async def crash() -> Report:
    raise KeyError("x")


async def cancelled() -> Report:
    raise asyncio.CancelledError


async def stubborn() -> Report:
    for _ in range(10):
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            continue
    return report("ok")


@pytest.mark.parametrize("check", [crash, cancelled, after(10**6), stubborn], ids=str)
@pytest.mark.usefixtures("clock")
def test_a_check_that_fails_or_hangs_is_a_failure(check: Callable[[], Awaitable[Report]]) -> None:
    box = Box()
    watch(HOUR, box, Schedule("odd", 5 * MINUTE, check), Schedule("even", 5 * MINUTE, after(0)))
    assert len(box.alerts) == 1
    assert box.alerts[0][1].severity == "critical"
    assert len(box.runs["even"]) == len(box.runs["odd"]) == 12


@pytest.mark.usefixtures("clock")
def test_an_alert_names_what_is_wrong() -> None:
    box = Box()
    components = [Component("cpu", "ok", "1 %"), Component("ram", "warning", "90 % (limit 85)")]

    async def check() -> Report:
        return Report((*components, Component("disk", "warning", "99 % (limit 90)")))

    watch(20 * MINUTE, box, Schedule("health", 5 * MINUTE, check))
    ((_, alert),) = box.alerts
    assert (alert.key, alert.title) == ("health:warning", "health: ram, disk")
    assert alert.text == "warning: ram: 90 % (limit 85)\nwarning: disk: 99 % (limit 90)"


@pytest.mark.parametrize("check", [after(10**6), stubborn], ids=["sleeping", "stubborn"])
def test_stop_is_prompt(clock: VirtualClock, check: Callable[[], Awaitable[Report]]) -> None:
    begin = clock.monotonic()
    watch(10, Box(), Schedule("slow", HOUR, check, seconds=HOUR))
    assert clock.monotonic() - begin < 10 + 250
    assert clock.monotonic() - begin < 12 or check is stubborn


def test_the_daemon_watches_what_the_settings_say() -> None:
    found = schedules(Settings())
    assert [(one.name, one.every) for one in found] == [
        ("health", 5 * MINUTE),
        ("recovery", 10 * MINUTE),
        ("sent-log", 4 * HOUR),
        ("store", 12 * HOUR),
    ]


def test_redis_down_is_told_to_a_person_and_redis_is_not_needed_for_it(
    redis_url: str, redis_faults: RedisFaults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the true checks, manager and channel; only time is shorter."""
    monkeypatch.chdir(tmp_path)
    keep = "import sys; open('told', 'a').write(sys.stdin.read())"
    channel = CommandChannel((sys.executable, "-c", keep), 20)
    manager = AlertManager([channel], StateFile(tmp_path / "alerts.json"))
    settings = replace(Settings(), redis_url=redis_url)
    (health,) = [one for one in schedules(settings) if one.name == "health"]

    class Told(Box):
        def alerted(self, outcome: Outcome) -> None:
            assert outcome.delivered
            daemon.stop()

    daemon = HealthDaemon([replace(health, every=0.05)], manager, Told())

    async def run() -> None:
        async with asyncio.timeout(60):
            await daemon.run()

    with redis_faults.down():
        asyncio.run(run())
    (line,) = (tmp_path / "told").read_text().splitlines()
    alert = json.loads(line)
    assert (alert["key"], alert["severity"]) == ("health:critical", "critical")
    assert alert["title"].startswith("health: redis, memory")


LINE = '{"id": "m1", "user": "ana", "text": "Hi"}\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "nothing was sent yet"),
        ("", "0 sent, each once"),
        (LINE + LINE.replace("m1", "m2"), "2 sent, each once"),
        (LINE + '{"id": "m2", "us', "1 sent, each once"),
        (LINE + LINE, "m1 was sent twice, says line 2"),
        (LINE + "x\n" + LINE, "line 2 is damaged: repair it before the next start"),
        (LINE + "[]\n", "line 2 is damaged: repair it before the next start"),
    ],
)
def test_the_log_of_sent_messages(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "sent.jsonl"
    if content is not None:
        path.write_text(content)
    (found,) = asyncio.run(check_sent_log(path)).components
    assert found.message == said
    assert (found.status == "ok") == ("sent" in said and "twice" not in said)


def test_the_file_of_the_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    assert not asyncio.run(check_store(path)).healthy
    path.touch()
    assert asyncio.run(check_store(path)).healthy
    path.write_bytes(b"no database at all" * 100)
    (found,) = asyncio.run(check_store(path)).components
    assert found.message == f"the store {path} cannot be used: file is not a database"


def test_the_daemon_as_a_program(redis_url: str, tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "companion", "--daemon"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "REDIS_URL": redis_url,
        "COMPANION_METRICS_PORT": str(port),
    }
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            metrics = eventually(lambda: metrics_at(port))
        finally:
            program.send_signal(signal.SIGTERM)
            out, err = program.communicate(timeout=30)
    assert (program.returncode, out) == (0, "")
    assert err.splitlines()[:2] == [
        "companion: nobody is told of an alert: set up a channel, COMPANION_ALERT_…",
        "companion: watching; stop it with Ctrl-C or SIGTERM",
    ]
    assert "companion_redis_memory_bytes" in metrics
    assert 'companion_component_status{check="health",component="redis"} 0.0' in metrics


def metrics_at(port: int) -> str:
    """The metrics once the first check is through, or nothing."""
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
    except OSError:
        return ""
    return text if 'check="health"' in text else ""


def eventually(ask: Callable[[], str]) -> str:
    for _ in range(600):
        if found := ask():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


def test_a_port_that_is_taken_is_one_line(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from companion.__main__ import main

    monkeypatch.chdir(tmp_path)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        monkeypatch.setenv("COMPANION_METRICS_PORT", str(port))
        assert main(["--daemon"]) == 1
    assert capsys.readouterr().err == (
        f"companion: the metrics cannot be served at 127.0.0.1:{port} (Address already in use): "
        "name another place with COMPANION_METRICS_HOST and COMPANION_METRICS_PORT\n"
    )


def test_the_program_is_told_where_to_look_by_its_settings() -> None:
    settings = from_environment({"COMPANION_METRICS_PORT": "9000", "COMPANION_ALERT_STATE": "x"})
    assert (settings.metrics_port, settings.alert_state) == (9000, Path("x"))


def test_the_schedule_is_kept_in_every_bad_situation() -> None:
    """As a project would ask for it, with the periods of the daemon itself."""

    class Alarm(Nobody):
        def __init__(self, alarm: Callable[[str], object]) -> None:
            self._alarm = alarm

        async def send(self, alert: Alert) -> Outcome:
            self._alarm(alert.text)
            return Outcome(True)

    def judged(check: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[Report]]:
        async def run() -> Report:
            return report("ok" if await check() else "critical")

        return run

    def make(
        checks: Mapping[str, Callable[[], Awaitable[bool]]], alarm: Callable[[str], object]
    ) -> HealthDaemon:
        return HealthDaemon(
            [replace(one, check=judged(checks[one.name])) for one in schedules(Settings())],
            Alarm(alarm),
        )

    expected = {one.name: one.every for one in schedules(Settings())}
    slowest = {one.name: one.seconds - 1 for one in schedules(Settings())}
    found = assert_schedule(make, expected, slowest=slowest, failures=FAILURES_IN_A_ROW)
    # At the first and at the last moment too.
    assert found.runs == {"health": 289, "recovery": 145, "sent-log": 7, "store": 3}
