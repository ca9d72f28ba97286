"""What the Redis fixtures cost: `make bench` prints the figures that the README states.

Everything is measured in turns within one run, so that what else the machine does falls on all.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import redis

from pytest_nadia.redis.backends.spawn import spawn_server
from pytest_nadia.redis.process import run_front

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

TESTS = 300
ROUNDS = 30
COMMANDS = 300
PIPELINES, PIPELINE = 10, 100

SUITE = """
import fakeredis
import pytest

@pytest.fixture
def empty():
    return None

@pytest.fixture
def fake():
    client = fakeredis.FakeStrictRedis(server=fakeredis.FakeServer())
    yield client
    client.close()

@pytest.fixture
def url(redis_url):
    return redis_url

@pytest.fixture
def client(redis_client):
    return redis_client

@pytest.fixture
def used(redis_client):
    redis_client.set("k", "v")
    return redis_client

@pytest.mark.parametrize("number", range({tests}))
class TestCost:
    def test_empty(self, empty, number): pass
    def test_fake(self, fake, number): pass
    def test_url(self, url, number): pass
    def test_client(self, client, number): pass
    def test_used(self, used, number): pass
"""
CONFTEST = """
import json
from collections import defaultdict

seconds = defaultdict(lambda: defaultdict(float))

def pytest_collection_modifyitems(items):
    # One of each in turn.
    items.sort(key=lambda item: item.callspec.params["number"])

def pytest_runtest_logreport(report):
    if report.when != "call":
        name, _, number = report.nodeid.partition("::test_")[2].partition("[")
        seconds[name][number] += report.duration

def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        with open("seconds.json", "w") as file:
            json.dump(seconds, file)
"""


@pytest.fixture
def run_suite(tmp_path: Path, clean_env: dict[str, str]) -> Callable[..., dict[str, list[float]]]:
    """Runs the suite, and gives the set-up and tear-down of each test, in milliseconds."""

    def run(*arguments: str) -> dict[str, list[float]]:
        tmp_path.joinpath("test_cost.py").write_text(SUITE.format(tests=TESTS), encoding="utf-8")
        tmp_path.joinpath("conftest.py").write_text(CONFTEST, encoding="utf-8")
        left_out = {"COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"}
        environment = {name: value for name, value in clean_env.items() if name not in left_out}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            check=True,
            capture_output=True,
        )
        measured = json.loads(tmp_path.joinpath("seconds.json").read_text(encoding="utf-8"))
        return {
            name: [1000 * seconds for seconds in each.values()] for name, each in measured.items()
        }

    return run


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_a_client_costs_no_more_than_two_bare_fakes(
    run_suite: Callable[..., dict[str, list[float]]], require: Callable[[str], str], kind: str
) -> None:
    if kind == "server":
        require("redis-server")
    measured = run_suite("-p", "nadia", f"--nadia-redis={kind}")
    middle = {name: statistics.median(each) for name, each in measured.items()}
    over = {name: each - middle["empty"] for name, each in middle.items()}
    print(f"\n{kind}: set-up and tear-down over an empty fixture ({middle['empty']:.2f} ms)")
    for name, fixture in [
        ("url", "redis_url"),
        ("client", "redis_client"),
        ("used", "redis_client, one SET"),
        ("fake", "a bare FakeStrictRedis"),
    ]:
        print(f"  {fixture:32} {over[name]:.2f} ms")
    assert over["client"] <= 2 * over["fake"]


def test_no_test_but_the_first_waits_for_a_server(
    run_suite: Callable[..., dict[str, list[float]]], require: Callable[[str], str]
) -> None:
    require("redis-server")
    measured = run_suite("-p", "nadia", "-p", "xdist", "-n2", "--nadia-redis=server")
    slowest = sorted(measured["url"] + measured["client"] + measured["used"], reverse=True)
    print("\nset-up and tear-down of 900 tests in two workers, on a real server:")
    print(f"  the four slowest {', '.join(f'{each:.1f}' for each in slowest[:4])} ms")
    assert slowest[2] < slowest[1] / 2


def single(client: redis.Redis) -> float:
    """Microseconds for one GET."""
    started = time.perf_counter()
    for _ in range(COMMANDS):
        client.get("k")
    return (time.perf_counter() - started) / COMMANDS * 1e6


def piped(client: redis.Redis) -> float:
    """Microseconds for one GET in a pipeline of 100."""
    started = time.perf_counter()
    for _ in range(PIPELINES):
        with client.pipeline(transaction=False) as pipe:
            for _ in range(PIPELINE):
                pipe.get("k")
            pipe.execute()
    return (time.perf_counter() - started) / PIPELINES / PIPELINE * 1e6


def test_the_front_costs_little_and_the_embedded_redis_is_quick(
    require: Callable[[str], str],
) -> None:
    require("redis-server")
    with spawn_server() as direct, run_front("embedded") as embedded, run_front("server") as front:
        ports = {"direct": direct.port, "embedded": embedded.port, "front": front.port}
        clients = {name: redis.Redis(port=port) for name, port in ports.items()}
        for client in clients.values():
            client.set("k", "v")
        rounds = [
            {name: (single(client), piped(client)) for name, client in clients.items()}
            for _ in range(ROUNDS)
        ]
        for client in clients.values():
            client.close()

    def middle(name: str, which: int) -> float:
        return statistics.median(one[name][which] for one in rounds)

    added = statistics.median(one["front"][0] - one["direct"][0] for one in rounds)
    speed = statistics.median(one["direct"][0] / one["embedded"][0] for one in rounds)
    pipelined = 1e6 / min(one["embedded"][1] for one in rounds)
    print("\none redis-py client, microseconds a command: alone, in pipelines of 100")
    for name in clients:
        print(f"  {name:9} {middle(name, 0):6.0f} {middle(name, 1):6.1f}")
    print(f"faults and ledger before a real server: {added:+.0f} us a command")
    print(f"embedded: {speed:.2f} x the speed of a real server over TCP")
    print(f"embedded: {pipelined:.0f} commands a second in pipelines of 100, at best")
    assert added <= middle("direct", 0)
    assert speed >= 0.6
