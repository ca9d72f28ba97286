"""The matrix tells a checker that looks from one that only seems to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import redis

from pytest_nadia.clock import virtual_clock
from pytest_nadia.health.catalogue import CATALOGUE
from pytest_nadia.health.fault import health_fault
from pytest_nadia.health.matrix import HealthMatrix, RedBeforeAnyFaultError
from pytest_nadia.health.result import Score
from pytest_nadia.redis.instance import RedisServer
from pytest_nadia.redis.process import run_front

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_nadia.health.bench import Bench

LIMITS = {"bot:queue": 100, "memory": 200}


def ping() -> bool:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.mark.slow
def test_a_good_checker_notices_every_fault(
    matrix: HealthMatrix, good: Callable[[], Any], healthy: Callable[[], None]
) -> None:
    result = matrix.run(good, healthy=healthy)

    assert result.wrong() == []
    assert result.score == Score(43, 43, 0, 0, 0, 0)
    assert sorted(result.of("quiet")) == [
        "clock-stepped-back",
        "cpu-at-limit",
        "disk-at-limit",
        "queue-at-limit[bot:queue]",
        "ram-at-limit",
        "redis-memory-at-limit",
        "redis-slightly-slow",
    ]
    result.assert_all_noticed()


@pytest.mark.slow
def test_a_naive_checker_gets_exactly_the_score_that_it_deserves(
    matrix: HealthMatrix, naive: Callable[[], Any], healthy: Callable[[], None]
) -> None:
    result = matrix.run(naive, healthy=healthy, deadline=1.0)

    assert result.of("noticed") == ["redis-memory-over-limit", "queue-over-limit[bot:queue]"]
    assert result.of("hung") == ["redis-hang", "redis-slower-than-deadline"]
    assert set(result.of("missed")) == {
        "redis-down",
        "redis-drop-after",
        "redis-cut-reply",
        "redis-loading",
        "redis-busy",
        "redis-noauth",
        "redis-wrongpass",
        "redis-moved",
        "redis-masterdown",
        "redis-clusterdown",
        "redis-no-more-clients",
        "queue-old-items[bot:queue]",
        "queue-stuck-consumer[bot:queue]",
        "data-wrong-type[bot:queue]",
    }
    assert result.score == Score(18, 2, 14, 2, 0, 0)


@pytest.mark.slow
def test_the_whole_matrix_has_sixty_rows_and_more(
    matrix: HealthMatrix, good: Callable[[], Any], healthy: Callable[[], None]
) -> None:
    result = matrix.run(good, healthy=healthy)

    assert len(result.rows) >= 60


def test_a_check_that_is_red_before_any_fault_is_not_put_to_the_test(matrix: HealthMatrix) -> None:
    def check() -> dict[str, str]:
        return {"status": "critical", "queue": "missing"}

    with pytest.raises(RedBeforeAnyFaultError) as caught:
        matrix.run(check)

    assert str(caught.value) == (
        "red before any fault: unhealthy: status critical; queue missing; "
        "pass healthy= a function that fills Redis"
    )
    assert matrix.results == []


def test_a_check_that_hangs_without_a_fault_is_ended(matrix: HealthMatrix) -> None:
    with pytest.raises(RedBeforeAnyFaultError, match="no result within 0"):
        matrix.run(lambda: time.sleep(60), deadline=0.2)


@pytest.mark.parametrize("result", [None, 1.5, b"x", object(), {}, "purple"])
def test_a_result_that_says_nothing_is_refused(matrix: HealthMatrix, result: object) -> None:
    with pytest.raises(RedBeforeAnyFaultError, match="says neither healthy nor not"):
        matrix.run(lambda: result, faults=["redis-down"])


def test_healthy_fills_redis_for_the_first_run_and_every_row(matrix: HealthMatrix) -> None:
    def check(client: Any) -> tuple[bool, str]:
        kept = client.getdel("token")
        return kept is not None, "token there" if kept else "token gone"

    def healthy(client: Any) -> None:
        client.set("token", "x")

    result = matrix.run(check, healthy=healthy, faults=["redis-slightly-slow", "redis-busy"])

    assert [row.outcome for row in result.rows] == ["quiet", "crashed"]


def test_a_coroutine_function_gets_an_asynchronous_client(matrix: HealthMatrix) -> None:
    async def check(client: Any) -> str:
        try:
            await client.ping()
        except redis.RedisError as error:
            return f"unhealthy: {error}"
        return "ok"

    async def healthy(client: Any) -> None:
        await client.set("a", "b")

    result = matrix.run(check, healthy=healthy, faults=["redis-down", "redis-loading"])

    assert result.of("noticed") == ["redis-down", "redis-loading"]


def test_it_can_be_run_inside_an_event_loop(matrix: HealthMatrix) -> None:
    async def healthy(client: Any) -> None:
        await client.set("a", "b")

    async def main() -> list[str]:
        return matrix.run(ping, healthy=healthy, faults=["redis-down"]).of("noticed")

    assert asyncio.run(main()) == ["redis-down"]


def test_an_object_is_asked_by_its_method(matrix: HealthMatrix) -> None:
    @dataclass
    class Report:
        healthy: bool
        message: str

    class Checker:
        def check_all(self) -> Report:
            answers = ping()
            return Report(answers, "" if answers else "Redis is unreachable")

    by_object = matrix.run(Checker(), faults=["redis-down"])
    by_class = matrix.run(Checker, faults=["redis-down"])
    by_method = matrix.run(Checker().check_all, faults=["redis-down"])

    assert by_object.rows[0].detail == by_class.rows[0].detail == "message Redis is unreachable"
    assert by_method.score == Score(1, 1, 0, 0, 0, 0)


COMMAND = """
import os, redis, sys
try:
    redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
except redis.BusyLoadingError:
    raise
except redis.RedisError as error:
    print("CRITICAL Redis:", error)
    sys.exit(2)
print("OK")
"""


@pytest.mark.slow
def test_a_command_is_judged_by_its_exit_code(matrix: HealthMatrix) -> None:
    result = matrix.run(
        [sys.executable, "-c", COMMAND],
        faults=["redis-down", "redis-loading", "redis-hang", "system", "clock"],
        deadline=2,
    )

    found = {row.fault: row.outcome for row in result.rows}
    assert found["redis-down"] == "noticed"
    assert found["redis-loading"] == "crashed"
    assert found["redis-hang"] == "hung"
    assert found["cpu-over-limit"] == found["clock-stepped-back"] == "not applicable"


def test_of_a_check_that_gives_only_yes_or_no_the_reason_is_not_checked(
    matrix: HealthMatrix,
) -> None:
    row = matrix.run(ping, faults=["redis-down"]).rows[0]

    assert row.outcome == "noticed"
    assert row.detail == "reason not checked: the check gives no text"


def test_red_for_another_reason_is_not_noticed(matrix: HealthMatrix) -> None:
    def check() -> tuple[bool, str]:
        return (True, "all well") if ping() else (False, "the moon is full")

    row = matrix.run(check, faults=["redis-down"]).rows[0]

    assert row.outcome == "missed"
    assert row.detail.startswith("is red, but does not name the cause")


def test_what_a_check_prints_or_leaves_behind_does_no_harm(
    matrix: HealthMatrix, capfd: pytest.CaptureFixture[str]
) -> None:
    def check() -> bool:
        print("x" * 100_000)
        threading.Thread(target=time.sleep, args=(60,)).start()
        return ping()

    assert matrix.run(check, faults=["redis-down"]).score.noticed == 1
    assert capfd.readouterr() == ("", "")


def test_programs_that_a_check_started_end_with_its_row(
    matrix: HealthMatrix, tmp_path: Path
) -> None:
    started = tmp_path / "started"

    def check() -> bool:
        program = subprocess.Popen(["sleep", "60"])
        with started.open("a") as file:
            file.write(f"{program.pid}\n")
        return ping()

    matrix.run(check, faults=["redis-down"])

    numbers = [int(line) for line in started.read_text().split()]
    assert len(numbers) == 2
    end = time.monotonic() + 10
    while any(map(_runs, numbers)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(_runs, numbers))


def _runs(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _catch_everything() -> bool:
    while not ping():
        try:
            while True:
                pass
        except BaseException:
            continue
    return True


async def _block_the_loop() -> bool:
    if not ping():
        time.sleep(60)
    return True


async def _never_yield() -> bool:
    while not ping():
        pass
    return True


def _ignore_signals() -> bool:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while not ping():
        time.sleep(0.01)
    return True


@pytest.mark.parametrize(
    "check", [_catch_everything, _block_the_loop, _never_yield, _ignore_signals]
)
def test_a_check_that_never_ends_hangs_its_row_only(
    matrix: HealthMatrix, check: Callable[[], Any]
) -> None:
    result = matrix.run(check, faults=["redis-down", "redis-slightly-slow"], deadline=0.3)

    assert [row.outcome for row in result.rows] == ["hung", "quiet"]


def test_a_check_that_ends_its_process_crashed(matrix: HealthMatrix) -> None:
    def check() -> bool:
        if not ping():
            os.kill(os.getpid(), signal.SIGSEGV)
        return True

    row = matrix.run(check, faults=["redis-down"]).rows[0]

    assert (row.outcome, row.detail) == ("crashed", "killed by SIGSEGV")


def test_an_exception_is_a_crash_and_an_assertion_a_result(matrix: HealthMatrix) -> None:
    def crashes() -> bool:
        if not ping():
            raise KeyError("redis")
        return True

    def asserts() -> bool:
        assert ping(), "Redis is unreachable"
        return True

    assert matrix.run(crashes, faults=["redis-down"]).rows[0].detail == "KeyError: 'redis'"
    assert matrix.run(asserts, faults=["redis-down"]).score == Score(1, 1, 0, 0, 0, 0)


def test_a_check_that_is_red_on_the_border_raises_false_alarms(matrix: HealthMatrix) -> None:
    def check(client: Any) -> tuple[bool, str]:
        waiting = client.llen("bot:queue")
        return waiting < 100, f"{waiting} in the queue"

    result = matrix.run(check, faults=["queues"])

    assert result.of("false alarm") == ["queue-at-limit[bot:queue]"]
    assert result.score.false_alarms == 1
    with pytest.raises(AssertionError, match=r"false alarm +queue-at-limit"):
        result.assert_all_noticed()


@pytest.mark.slow
def test_without_a_limit_the_size_that_is_noticed_is_found(matrix: HealthMatrix) -> None:
    def check(client: Any) -> tuple[bool, str]:
        waiting = client.hlen("other")
        return waiting <= 37, f"{waiting} waiting"

    at, over = matrix.run(check, faults=["queue-*-limit"]).rows

    assert (at.outcome, at.detail) == ("not applicable", "no limit is configured; red above 37")
    assert over.outcome == "noticed"
    assert over.detail.startswith("red above 37, which is not configured: 38 waiting")


@pytest.mark.slow
def test_without_any_limit_the_fault_is_missed(matrix: HealthMatrix) -> None:
    def check(client: Any) -> bool:
        client.zcard("other")
        return True

    at, over = matrix.run(check, faults=["queue-*-limit"]).rows

    assert (at.outcome, over.outcome) == ("not applicable", "missed")
    assert "put 'other' into [tool.nadia.health.limits]" in over.detail


def test_what_the_check_does_not_touch_is_outside_the_score(matrix: HealthMatrix) -> None:
    result = matrix.run(lambda: True)

    assert result.score == Score(0, 0, 0, 0, 0, 0)
    assert set(result.of("not applicable")) == {
        fault.name for fault in CATALOGUE if fault.name != "clock-stepped-back"
    }
    with pytest.raises(AssertionError, match="no fault was applicable"):
        result.assert_all_noticed()


def test_a_fault_that_never_fires_is_invalid(matrix: HealthMatrix, tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    def check() -> bool:
        if not seen.exists():
            seen.touch()
            return ping()
        return True

    result = matrix.run(check, faults=["redis-down", "redis-hang"])

    assert result.of("invalid") == ["redis-down", "redis-hang"]
    with pytest.raises(AssertionError, match="never fired"):
        result.assert_all_noticed()


def test_exceptions_are_named_and_must_be_needed(matrix: HealthMatrix) -> None:
    def check(client: Any) -> bool:
        client.llen("bot:queue")
        return True

    result = matrix.run(check, faults=["queue-over-limit", "data-wrong-type", "redis-slightly*"])

    assert result.score.missed == 1
    assert result.score.crashed == 1
    result.assert_all_noticed(except_=["queue-over-limit[bot:queue]", "data-*"])
    with pytest.raises(AssertionError, match="except_ names 'redis-down'"):
        result.assert_all_noticed(except_=["redis-down"])


def test_own_faults_are_put_in_by_a_function(matrix: HealthMatrix) -> None:
    payments = {"up": True}

    @health_fault("payments-down", says="payment")
    def payments_down(bench: Bench) -> Iterator[None]:
        payments["up"] = False
        yield
        payments["up"] = True

    @matrix.fault("full-of-votes", says="votes", healthy=True)
    @contextmanager
    def votes(bench: Bench) -> Iterator[None]:
        with bench.data() as client:
            client.set("votes", "1000")
        yield

    def check(client: Any) -> tuple[bool, str]:
        return payments["up"], f"payments {payments['up']}, votes {client.get('votes')}"

    result = matrix.run(check, faults=[payments_down, "own"])

    assert {row.fault: row.outcome for row in result.rows} == {
        "payments-down": "noticed",
        "full-of-votes": "quiet",
    }
    assert payments["up"]


def test_wrong_arguments_are_refused(matrix: HealthMatrix) -> None:
    with pytest.raises(ValueError, match="there is no fault 'redis-sown'"):
        matrix.run(ping, faults=["redis-sown"])
    with pytest.raises(ValueError, match="names no fault"):
        matrix.run(ping, faults=[])
    with pytest.raises(ValueError, match="deadline"):
        matrix.run(ping, deadline=0)
    with pytest.raises(ValueError, match="the limit of 'cpu'"):
        matrix.run(ping, limits={"cpu": -1})
    with pytest.raises(ValueError, match="asks for an argument 'settings'"):
        matrix.run(lambda settings: True)
    with pytest.raises(ValueError, match="cannot be called"):
        matrix.run(7)


def test_it_does_not_measure_virtual_seconds(matrix: HealthMatrix) -> None:
    with virtual_clock(), pytest.raises(ValueError, match="without virtual_clock"):
        matrix.run(ping)


@pytest.mark.slow
def test_a_real_server_gives_the_same_outcomes(
    matrix: HealthMatrix,
    good: Callable[[], Any],
    healthy: Callable[[], None],
    require: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require("redis-server")
    chosen = ["redis", "queues", "data"]
    embedded = matrix.run(good, healthy=healthy, faults=chosen)

    with run_front("server") as front:
        server = RedisServer(front)
        monkeypatch.setenv("REDIS_URL", server.url)
        real = HealthMatrix(server, LIMITS).run(good, healthy=healthy, faults=chosen)

    assert [(row.fault, row.outcome) for row in real.rows] == [
        (row.fault, row.outcome) for row in embedded.rows
    ]


def test_a_record_is_plain_json(matrix: HealthMatrix) -> None:
    record = json.loads(json.dumps(matrix.run(ping, faults=["redis-down"]).record()))

    assert list(record) == ["check", "healthy_run", "rows", "score"]
    assert record["check"] == "ping"
    assert record["rows"][0]["outcome"] == "noticed"
    assert record["score"]["applicable"] == 1
