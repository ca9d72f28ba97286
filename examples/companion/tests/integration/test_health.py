from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from companion.constants import (
    HISTORIES_AT_ONCE,
    KEY_TYPES,
    REVIEW_AGE,
    SEEN_SECONDS,
    WORK_AGE,
)
from companion.health import _SAVED, HealthChecker, ThisMachine
from companion.health import check as check_all
from companion.message import Message
from companion.redis_connection import RedisConnection
from companion.report import Found, run_probes

if TYPE_CHECKING:
    from pytest_nadia.redis.faults import RedisFaults
    from pytest_nadia.redis.instance import RedisServer
    from pytest_nadia.redis.ledger import RedisLedger
    from redis import Redis

    from companion.report import Report

pytestmark = pytest.mark.integration


OF_REDIS = [
    *("redis", "memory", "persistence", "evictions", "clock", "keys", "write-ahead", "work"),
    *("review", "garbage", "history"),
]


@dataclass
class Still:
    """A machine with the given load."""

    cpu_load: float = 1.0
    ram_load: float = 1.0
    disk_load: float = 1.0

    def cpu(self) -> float:
        return self.cpu_load

    def ram(self) -> float:
        return self.ram_load

    def disk(self) -> float:
        return self.disk_load


def check(url: str, machine: Any = None, seconds: float = 5.0, **answers: Any) -> Report:
    """A report in which `answers` replace what the client's methods give."""

    async def run() -> Report:
        async with RedisConnection(url, 5.0, retries=0) as connection:
            client: Any = connection.client
            for name, given in answers.items():
                setattr(client, name, given)
            return await HealthChecker(client, machine or Still(), seconds).check()

    return asyncio.run(run())


def faults(report: Report) -> dict[str, tuple[str, str]]:
    return {one.name: (one.status, one.message) for one in report.components if one.status != "ok"}


def test_an_idle_bot_is_healthy(redis_url: str) -> None:
    report = check(redis_url)
    assert report.healthy
    assert faults(report) == {}
    assert [one.name for one in report.components] == [
        *OF_REDIS, "cpu", "ram", "disk",
    ]  # fmt: skip
    assert report.lines()[0] == "ok        redis          answers and takes writes"


@pytest.mark.parametrize(
    ("load", "component"),
    [({"cpu_load": 80}, "cpu"), ({"ram_load": 85}, "ram"), ({"disk_load": 90}, "disk")],
)
def test_a_load_above_its_limit_is_a_warning(
    redis_url: str, load: dict[str, float], component: str
) -> None:
    assert check(redis_url, Still(**load)).healthy
    ((field, limit),) = load.items()
    found = faults(check(redis_url, Still(**{field: limit + 0.5})))
    assert found == {component: ("warning", f"{limit + 0.5:g} % (limit {limit:g})")}


@pytest.mark.parametrize("load", ["nan", "inf", "-inf", "-1"])
def test_a_load_that_is_no_load_is_not_healthy(redis_url: str, load: str) -> None:
    assert faults(check(redis_url, Still(float(load))))["cpu"][0] == "critical"


class Broken(Still):
    """A machine of which nothing can be measured, or not in time."""

    def __init__(self, hangs: Event | None = None) -> None:
        super().__init__()
        self._hangs = hangs

    def disk(self) -> float:
        if self._hangs is None:
            raise OSError(5, "Input/output error")
        self._hangs.wait(60)
        return 1.0


def test_a_machine_that_cannot_be_measured_is_not_healthy(redis_url: str) -> None:
    found = faults(check(redis_url, Broken()))
    assert found == {"disk": ("critical", "cannot be measured: [Errno 5] Input/output error")}


def test_a_measurement_that_hangs_does_not_hold_up_the_end_of_the_program(redis_url: str) -> None:
    hangs = Event()
    start = time.monotonic()
    found = faults(check(redis_url, Broken(hangs), 0.2))
    assert found == {"disk": ("critical", "no answer within 0.2 s")}
    assert time.monotonic() - start < 30
    hangs.set()


@pytest.mark.parametrize(("used", "healthy"), [(200 * 2**20, True), (200 * 2**20 + 2**18, False)])
def test_the_memory_limit_is_200_mb(
    redis_url: str, redis_faults: RedisFaults, used: int, healthy: bool
) -> None:
    with redis_faults.info(used_memory=used):
        found = faults(check(redis_url))
    assert found == ({} if healthy else {"memory": ("critical", "200.25 MB (limit 200)")})


@pytest.mark.parametrize("used", ["", "a lot", "nan"])
def test_a_memory_that_is_no_number_is_not_healthy(
    redis_url: str, redis_faults: RedisFaults, used: str
) -> None:
    with redis_faults.info(used_memory=used):
        assert faults(check(redis_url))["memory"][0] == "critical"


@pytest.mark.parametrize("status", ["err", "", "unknown"])
@pytest.mark.parametrize(
    "field", ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"]
)
def test_what_could_not_be_saved_is_not_healthy(
    redis_url: str, redis_faults: RedisFaults, field: str, status: str
) -> None:
    with redis_faults.info(**{field: status}):
        found = faults(check(redis_url))
    assert found == {"persistence": ("critical", f"{field} is {status}")}


def test_keys_that_redis_threw_away_are_not_healthy(
    redis_url: str, redis_faults: RedisFaults
) -> None:
    with redis_faults.info(evicted_keys=1):
        found = faults(check(redis_url))
    assert found == {"evictions": ("critical", "1 keys evicted (limit 0)")}


@pytest.mark.parametrize(("ahead", "healthy"), [(-60, True), (290, True), (3600, False)])
def test_clocks_that_differ_are_not_healthy(redis_url: str, ahead: float, healthy: bool) -> None:
    async def clock() -> tuple[int, int]:
        return int(time.time() - ahead), 0

    assert list(faults(check(redis_url, time=clock))) == ([] if healthy else ["clock"])


def queued(client: Redis, length: int, *, seconds: float = 0.0) -> None:
    """That many messages in the write-ahead queue, as if they had come some time ago."""
    with client.pipeline() as pipeline:
        for number in range(length):
            message = Message(f"m{number}", "ana", "Hi", 10.0)
            pipeline.hset("companion:write-ahead", message.id, message.to_json())
            pipeline.set(f"companion:seen:{message.id}", "x", ex=SEEN_SECONDS - round(seconds))
        pipeline.execute()


@pytest.mark.parametrize(("length", "healthy"), [(100, True), (101, False)])
def test_the_write_ahead_queue(
    redis_url: str, redis_client: Redis, length: int, healthy: bool
) -> None:
    queued(redis_client, length)
    found = faults(check(redis_url))
    assert found == ({} if healthy else {"write-ahead": ("warning", "101 messages (limit 100)")})


@pytest.mark.parametrize(("minutes", "healthy"), [(14, True), (16, False), (60 * 24, False)])
def test_a_message_that_waits_for_long_in_a_short_queue_is_not_healthy(
    redis_url: str, redis_client: Redis, minutes: int, healthy: bool
) -> None:
    queued(redis_client, 1, seconds=minutes * 60)
    told = ("warning", f"the oldest waits for {minutes} minutes (limit 15)")
    assert faults(check(redis_url)) == ({} if healthy else {"write-ahead": told})


def test_a_message_tells_its_age_itself_when_nothing_else_does(
    redis_url: str, redis_client: Redis
) -> None:
    for minutes in (-1, 2, 180):
        message = Message(f"m{minutes}", "ana", "Hi", time.time() - minutes * 60)
        redis_client.hset("companion:write-ahead", message.id, message.to_json())
    found = faults(check(redis_url))
    assert found == {"write-ahead": ("warning", "the oldest waits for 180 minutes (limit 15)")}


@pytest.mark.parametrize(
    ("queue", "limit"), [("work", WORK_AGE), ("review", REVIEW_AGE)], ids=["work", "review"]
)
def test_a_turn_that_nobody_takes_is_not_healthy(
    redis_url: str, redis_client: Redis, queue: str, limit: int
) -> None:
    for name, age in (("m1", 0), ("m2", limit)):
        redis_client.zadd(f"companion:{queue}", {name: 1})
        redis_client.set(f"companion:seen:{name}", "x", ex=SEEN_SECONDS - age + 1)
    assert faults(check(redis_url)) == {}
    redis_client.expire("companion:seen:m2", SEEN_SECONDS - limit - 60)
    message = f"the oldest waits for {limit // 60 + 1} minutes (limit {limit // 60})"
    assert faults(check(redis_url)) == {queue: ("warning", message)}


@pytest.mark.parametrize("line", ["", "x", "{}", '["m1"]', "[" * 9999])
def test_a_message_that_cannot_be_read_is_not_healthy(
    redis_url: str, redis_client: Redis, line: str
) -> None:
    queued(redis_client, 2)
    redis_client.hset("companion:write-ahead", "m1", line)
    found = faults(check(redis_url))
    assert found == {"write-ahead": ("critical", "1 cannot be read; m1")}


@pytest.mark.parametrize("key", sorted(KEY_TYPES))
def test_a_key_of_a_foreign_type_is_not_healthy(
    redis_url: str, redis_client: Redis, key: str
) -> None:
    redis_client.xadd(key, {"a": "b"})
    found = faults(check(redis_url))
    assert found["keys"] == ("critical", f"{key} is a stream, not a {KEY_TYPES[key]}")


def test_what_was_set_aside_waits_for_a_look(redis_url: str, redis_client: Redis) -> None:
    redis_client.sadd("companion:garbage", "x")
    message = "1 unreadable entries set aside (limit 0)"
    assert faults(check(redis_url)) == {"garbage": ("warning", message)}


@pytest.mark.parametrize(("length", "healthy"), [(50, True), (51, False)])
def test_the_review_queue(redis_url: str, redis_client: Redis, length: int, healthy: bool) -> None:
    redis_client.zadd("companion:review", {f"m{n}": n for n in range(length)})
    found = faults(check(redis_url))
    assert found == ({} if healthy else {"review": ("warning", "51 answers (limit 50)")})


GOOD = b'{"role": "user", "text": "Hi"}'


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([GOOD, b"not json"], "entry 2 is not a line of a conversation"),
        ([b"[]"], "entry 1 is not a line of a conversation"),
        ([b'{"role": "boss", "text": "Hi"}'], "entry 1 is not a line of a conversation"),
        ([b'{"role": "user", "text": " "}'], "entry 1 is not a line of a conversation"),
        ([b'{"role": "user"}'], "entry 1 is not a line of a conversation"),
        ([GOOD] * 51, "more than 50 entries"),
    ],
)
def test_a_damaged_history_is_found_among_good_ones(
    redis_url: str, redis_client: Redis, lines: list[bytes], fault: str
) -> None:
    for user, entries in {"ana": [GOOD] * 50, "ben": lines}.items():
        redis_client.rpush(f"companion:history:{user}", *entries)
        redis_client.expire(f"companion:history:{user}", 100)
    assert faults(check(redis_url)) == {"history": ("critical", f"1 of 2 damaged; ben: {fault}")}


# It plants what a project's own writing must not leave.
@pytest.mark.redis(lints={"key-without-expiry": "off"})
def test_a_history_of_another_type_or_without_an_end_is_damaged(
    redis_url: str, redis_client: Redis
) -> None:
    redis_client.hset("companion:history:ana", "role", "user")
    redis_client.rpush("companion:history:ben", GOOD)
    found = faults(check(redis_url))
    assert found == {"history": ("critical", "2 of 2 damaged; ana: a hash, not a list")}
    redis_client.delete("companion:history:ana")
    assert faults(check(redis_url))["history"][1] == "1 of 1 damaged; ben: never expires"


def test_many_histories_cost_few_round_trips(
    redis_url: str, redis_client: Redis, redis_ledger: RedisLedger
) -> None:
    count = HISTORIES_AT_ONCE * 2
    for number in range(count):
        redis_client.rpush(f"companion:history:{number}", GOOD)
        redis_client.expire(f"companion:history:{number}", 100)
    with redis_ledger.budget(round_trips=14):
        found = {one.name: one.message for one in check(redis_url).components}
    assert found["history"] == f"{count} well-formed"


def test_a_check_changes_nothing_but_its_own_probe(
    redis_url: str, redis_client: Redis, redis_server: RedisServer
) -> None:
    redis_client.zadd("companion:review", {"m1": 1})
    before = redis_server.snapshot()
    check(redis_url)
    assert 0 < redis_client.ttl("companion:probe") <= 10
    redis_server.advance(11)
    assert redis_server.snapshot() == before


def test_a_probe_that_hangs_is_cut_off_and_the_others_still_report(
    redis_url: str, redis_faults: RedisFaults
) -> None:
    start = time.monotonic()
    with redis_faults.latency(3600, on="HLEN"):
        found = faults(check(redis_url, None, 0.2))
    assert found == {"write-ahead": ("critical", "no answer within 0.2 s")}
    assert time.monotonic() - start < 60


def test_a_redis_that_hangs_is_told_by_every_probe_of_it(
    redis_url: str, redis_faults: RedisFaults
) -> None:
    with redis_faults.hang():
        found = faults(check(redis_url, None, 0.2))
    assert found == dict.fromkeys(OF_REDIS, ("critical", "no answer within 0.2 s"))


@pytest.mark.parametrize("text", ["LOADING", "MASTERDOWN", "NOAUTH", "BUSY"])
def test_a_redis_that_refuses_everything_is_told_by_every_probe_of_it(
    redis_url: str, redis_faults: RedisFaults, text: str
) -> None:
    # A real server still answers INFO when it loads, waits for its master or runs a script.
    others = ["SET", "INFO", "TIME", "TYPE", "HLEN", "ZCARD", "SCARD", "SCAN"]
    on = None if text == "NOAUTH" else others
    with redis_faults.error(text, on=on):
        found = faults(check(redis_url))
    assert list(found) == OF_REDIS
    assert all(status == "critical" for status, _ in found.values())


@pytest.mark.parametrize("command", ["TYPE", "TTL", "LRANGE"])
def test_a_history_that_cannot_be_read_is_not_healthy(
    redis_url: str, redis_client: Redis, redis_faults: RedisFaults, command: str
) -> None:
    redis_client.rpush("companion:history:ana", GOOD)
    redis_client.expire("companion:history:ana", 100)
    with redis_faults.error("ERR out of order", on=command):
        found = faults(check(redis_url))
    assert list(found) == (["keys"] if command == "TYPE" else []) + ["history"]
    assert "out of order" in found["history"][1]


def test_an_info_without_the_figure_is_not_healthy(redis_url: str) -> None:
    async def info(_section: str) -> dict[str, int]:
        return {}

    missing = {"memory": "used_memory", "persistence": _SAVED[0], "evictions": "evicted_keys"}
    expected = {
        name: ("critical", f"cannot be measured: '{figure}'") for name, figure in missing.items()
    }
    assert faults(check(redis_url, info=info)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("OOM", "command not allowed when used memory > 'maxmemory'."),
        ("READONLY", "You can't write against a read only replica."),
        ("MISCONF", "MISCONF Redis is configured to save RDB snapshots"),
    ],
)
def test_a_redis_that_takes_no_writes_is_not_healthy(
    redis_url: str, redis_faults: RedisFaults, text: str, said: str
) -> None:
    with redis_faults.error(text):
        found = faults(check(redis_url))
    assert list(found) == ["redis"]
    assert found["redis"][1].startswith(f"cannot be measured: {said}")


def test_a_redis_that_is_really_full_is_not_healthy(
    redis_url: str, redis_faults: RedisFaults
) -> None:
    with redis_faults.maxmemory(1):
        found = faults(check(redis_url))
    assert "used memory > 'maxmemory'" in found["redis"][1]


def test_no_redis_at_all_is_told_by_every_probe_of_it(
    redis_url: str, redis_faults: RedisFaults
) -> None:
    with redis_faults.down():
        found = faults(check(redis_url))
    assert list(found) == OF_REDIS


def test_this_machine_can_be_measured() -> None:
    machine = ThisMachine()
    for measured in (machine.cpu(), machine.ram(), machine.disk()):
        assert 0 <= measured <= 100


def test_a_probe_that_will_not_be_cancelled_is_not_waited_for() -> None:
    async def stubborn() -> Found:
        end = time.monotonic() + 5
        while time.monotonic() < end and not done:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)
        return Found("ok", "at last")

    async def run() -> Report:
        found = await run_probes({"stubborn": stubborn}, 0.05)
        done.append(True)
        return found

    done: list[bool] = []
    report = asyncio.run(run())
    assert faults(report) == {"stubborn": ("critical", "no answer within 0.05 s")}
    assert done


def test_by_default_it_looks_where_the_settings_say(redis_url: str) -> None:
    names = [one.name for one in asyncio.run(check_all()).components]
    assert names == [*OF_REDIS, "cpu", "ram", "disk"]
