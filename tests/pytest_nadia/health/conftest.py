from __future__ import annotations

import json
import math
import os
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.health.matrix import HealthMatrix
    from pytest_nadia.redis.process import Front

QUEUE = "bot:queue"
HISTORY = "bot:history:"
LIMITS = {"bot:queue": 100, "memory": 200}


@pytest.fixture(scope="session")
def front() -> Iterator[Front]:
    from pytest_nadia.redis.process import run_front

    with run_front("embedded") as front:
        yield front


@pytest.fixture
def matrix(front: Front, monkeypatch: pytest.MonkeyPatch) -> Iterator[HealthMatrix]:
    """A matrix on an empty Redis of its own."""
    from pytest_nadia.health.matrix import HealthMatrix
    from pytest_nadia.redis.instance import RedisServer

    front.reset()
    server = RedisServer(front)
    monkeypatch.setenv("REDIS_URL", server.url)
    yield HealthMatrix(server, LIMITS)
    server.close()


def _client(**options: Any) -> Any:
    return redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True, **options)


@pytest.fixture
def naive() -> Callable[[], tuple[bool, str]]:
    """A checker as one finds it: PING, one length, the memory, no deadline of its own."""

    def check() -> tuple[bool, str]:
        client = _client()
        try:
            client.ping()
            waiting = client.llen(QUEUE)
            used = client.info("memory")["used_memory"] / 2**20
        except redis.RedisError:
            return False, "something is wrong"
        if waiting > 100:
            return False, f"{waiting} messages in the queue"
        if used > 200:
            return False, f"memory: {used:.0f} MB used"
        return True, "fine"

    return check


@pytest.fixture
def good() -> Callable[[], dict[str, Any]]:
    """A checker that looks at what it relies on, says what it found, and never waits for long."""

    def check() -> dict[str, Any]:
        client = _client(socket_timeout=0.2, socket_connect_timeout=0.2)
        found = {}
        for probe in (_redis, _persistence, _queue, _history, _machine):
            try:
                problem = probe(client)
            except Exception as error:
                problem = f"cannot be measured: {error}"
            found[probe.__name__.strip("_")] = problem or "ok"
        healthy = set(found.values()) == {"ok"}
        return {"status": "healthy" if healthy else "critical", "parts": found}

    return check


def _redis(client: Any) -> str:
    client.set("bot:probe", "1", ex=10)
    used = client.info("memory")["used_memory"] / 2**20
    return f"memory is {used:.0f} MB, over 200" if used > 200 else ""


def _persistence(client: Any) -> str:
    info = client.info()
    names = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
    bad = [name for name in names if info.get(name) != "ok"]
    if info["role"] != "master":
        bad.append("it is a replica")
    if info["evicted_keys"]:
        bad.append(f"evicted {info['evicted_keys']} keys")
    return ", ".join(bad)


def _queue(client: Any) -> str:
    waiting = client.llen(QUEUE)
    if waiting > 100:
        return f"{waiting} messages are over the limit"
    oldest = client.lindex(QUEUE, 0)
    age = 0 if oldest is None else time.time() - json.loads(oldest)["at"]
    return f"the oldest message waits since {age:.0f} s" if age > 3600 else ""


def _history(client: Any) -> str:
    for key in client.scan_iter(match=f"{HISTORY}*"):
        if client.type(key) != "list":
            return f"{key} has the wrong type"
        if client.ttl(key) < 0:
            return f"{key} never expires"
        lines = client.lrange(key, 0, 50)
        if len(lines) > 50:
            return f"{key} is too large"
        for line in lines:
            json.loads(line)
    return ""


def _machine(_: Any) -> str:
    loads = {
        "cpu": (psutil.cpu_percent(interval=0.1), 80),
        "ram": (psutil.virtual_memory().percent, 85),
        "disk": (psutil.disk_usage("/").percent, 90),
    }
    bad = [name for name, (value, most) in loads.items() if value > most or math.isnan(value)]
    return ", ".join(bad)


@pytest.fixture
def healthy() -> Callable[[], None]:
    """Puts in what a healthy bot holds."""

    def fill() -> None:
        with _client() as client:
            client.rpush(QUEUE, json.dumps({"id": 1, "at": time.time()}))
            for user in ("ada", "bob"):
                client.rpush(f"{HISTORY}{user}", json.dumps({"role": "user", "text": "hello"}))
                client.expire(f"{HISTORY}{user}", 3600)

    return fill
