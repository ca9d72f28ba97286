"""The companion bot is killed at 50 points; nothing is lost and nothing is sent twice.

The judge is the log of sent messages, compared with what the conversation below must give.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DRIVER = Path(__file__).with_name("companion_driver.py")
DRIVERS = 2

Point = tuple[str, str, int]

CONVERSATION: list[dict[str, Any]] = [
    {"id": "a1", "user": "ana", "text": "Hello", "at": 0},
    {"id": "b1", "user": "ben", "text": "It rains", "at": 0.5},
    {"id": "b2", "user": "ben", "text": "and rains.", "at": 1},
    {"id": "c1", "user": "cleo", "text": "What now?", "at": 1.5},
    {"id": "a2", "user": "ana", "text": "My cat is ill.", "at": 9},
    {"id": "b3", "user": "ben", "text": "I love you", "at": 9},
    {"id": "c2", "user": "cleo", "text": "No.", "at": 9.5, "decision": "reject"},
    {"id": "d1", "user": "dan", "text": "Which dosage?", "at": 10, "decision": {"edit": "Ask."}},
    {"id": "a3", "user": "ana", "text": "Bye", "at": 20},
    {"id": "b4", "user": "ben", "text": "Still here?", "at": 20},
    {"id": "c3", "user": "cleo", "text": "Fine", "at": 20},
    {"id": "d2", "user": "dan", "text": "Why?", "at": 20, "decision": {"edit": "Let's meet!"}},
    {"id": "d3", "user": "dan", "text": "Good night", "at": 30},
    {"id": "a4", "user": "ana", "text": "Hi", "at": 30},
]

EXPECTED = {
    "ana": [
        ("a1", "Hello! What is on your mind today?"),
        ("a2", 'You say "My cat is ill." Tell me more.'),
        ("a3", 'You say "Bye" Tell me more.'),
        ("a4", "Hello! What is on your mind today?"),
    ],
    "ben": [
        ("b1", 'You say "It rains / and rains." Tell me more.'),
        ("b4", 'You ask "Still here?" I would like to hear what you think first.'),
    ],
    "cleo": [
        ("c1", 'You ask "What now?" I would like to hear what you think first.'),
        ("c3", 'You say "Fine" Tell me more.'),
    ],
    "dan": [("d1", "Ask."), ("d3", 'You say "Good night" Tell me more.')],
}
STEPS: dict[str, tuple[int, ...]] = {
    "enqueue": (1, 5, 9, 12, 14),
    "model": (1, 3, 6, 10, 13),
    "guard": (1, 2, 5, 9, 13),
    "review": (1, 3, 6, 9, 12),
    "send": (1, 2, 5, 7, 10),
    "mark": (1, 3, 6, 8, 10),
}


def points(commands: int) -> list[list[Point]]:
    """50 lists of points; where there are two, the second one hits the recovery."""
    named: list[list[Point]] = [[("step", name, k)] for name, ks in STEPS.items() for k in ks]
    spread = [commands * part // 7 for part in range(1, 7)]
    others: list[list[Point]] = [[("command", "", k)] for k in spread]
    others += [[("reply", "", k + 3)] for k in spread[:5]]
    others += [[("torn", "", k)] for k in (1, 5, 10)]
    firsts: list[Point] = [("step", name, 3) for name in STEPS]
    seconds: list[Point] = [
        ("reply", "", 12),
        ("command", "", 18),
        ("step", "guard", 1),
        ("step", "review", 1),
        ("torn", "", 1),
        ("step", "mark", 1),
    ]
    return named + others + [[one, two] for one, two in zip(firsts, seconds, strict=True)]


@contextmanager
def embedded() -> Iterator[str]:
    command = [sys.executable, "-m", "pytest_nadia.redis"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = server.stdout.readline().decode().strip()
            assert url.startswith("redis://")
            yield url
        finally:
            server.stdin.close()
            server.wait(10)


@contextmanager
def real() -> Iterator[str]:
    if shutil.which("redis-server") is None:
        reason = "redis-server is not installed (apt install redis-server)"
        if "redis-server" in os.environ.get("NADIA_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/"]
    command = ["redis-server", "--port", port, *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until_up(int(port))
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 20
    with Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except RedisConnectionError:
                assert time.monotonic() < deadline, "redis-server does not start"
                time.sleep(0.05)


class Driver:
    """One driver process with its own database and directory."""

    def __init__(self, url: str, number: int, directory: Path) -> None:
        self.url = f"{url.rstrip('/').removesuffix('/0')}/{number}"
        self.directory = directory / str(number)
        self.directory.mkdir()
        self.transcript = self.directory / "conversation.jsonl"
        self.transcript.write_text("".join(json.dumps(line) + "\n" for line in CONVERSATION))
        self.count = 0
        pipe = subprocess.PIPE
        command = [sys.executable, str(DRIVER)]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def run(self, kills: list[Point]) -> tuple[Path, dict[str, Any]]:
        """The directory of the job, and what the driver tells of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.count += 1
        directory = self.directory / str(self.count)
        directory.mkdir()
        job = {"url": self.url, "directory": str(directory), "transcript": str(self.transcript)}
        self.process.stdin.write(json.dumps({**job, "kills": kills}) + "\n")
        self.process.stdin.flush()
        return directory, json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate(timeout=20)


@contextmanager
def drivers(url: str, directory: Path) -> Iterator[list[Driver]]:
    started = [Driver(url, number, directory) for number in range(DRIVERS)]
    try:
        yield started
    finally:
        for driver in started:
            driver.close()


def sent(directory: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in (directory / "companion-sent.jsonl").read_text().splitlines():
        entry = json.loads(line)
        found.setdefault(entry["user"], []).append((entry["id"], entry["text"]))
    return dict(sorted(found.items()))


def left_over(url: str) -> dict[str, int]:
    with Redis.from_url(url) as client:
        return {
            "write-ahead": int(client.hlen("companion:write-ahead")),
            "busy": int(client.hlen("companion:busy")),
            "work": int(client.zcard("companion:work")),
            "review": int(client.zcard("companion:review")),
            "due": int(client.zcard("companion:due")),
            "held": len(list(client.scan_iter("companion:buffer:*"))),
            "garbage": int(client.scard("companion:garbage")),
        }


def faults(driver: Driver, kills: list[Point], reached: list[str]) -> list[str]:
    """What went wrong when the bot was killed at these points; empty if nothing did.

    The points that were reached, for the bot was killed there, are added to `reached`.
    """
    directory, result = driver.run(kills)
    codes, found = result["codes"], []
    reached += [described(point) for point, code in zip(kills, codes, strict=False) if code == -9]
    if codes != [-9] * len(kills) + [0]:
        found.append(f"exit codes {codes}: {(directory / 'output').read_text()[-400:]}")
    elif sent(directory) != EXPECTED:
        found.append(f"sent {sent(directory)}")
    if any(left := left_over(driver.url).values()):
        found.append(f"left in Redis {left}")
    if result["asked_again"]:
        found.append(f"the model is asked again {result['asked_again']}")
    return [f"{kills}: {one}" for one in found]


def described(point: Point) -> str:
    return " ".join(str(part) for part in point if part)


def run_share(driver: Driver, share: list[list[Point]], reached: list[str]) -> list[str]:
    return [fault for kills in share for fault in faults(driver, kills, reached)]


@pytest.mark.parametrize("server", [embedded, real])
def test_no_message_is_lost_or_sent_twice(server: Any, tmp_path: Path) -> None:
    with server() as url, drivers(url, tmp_path) as started:
        assert faults(started[0], [], []) == []
        passed = json.loads((started[0].directory / "1" / "passed.json").read_text())
        every = points(passed["command"])
        assert len(every) == 50
        shares = [every[number::DRIVERS] for number in range(DRIVERS)]
        reached: list[str] = []
        with ThreadPoolExecutor(DRIVERS) as pool:
            parts = pool.map(run_share, started, shares, [reached] * DRIVERS)
            found = [one for part in parts for one in part]
    print(f"\nkilled at {len(reached)} points:", *sorted(reached), sep="\n  ")
    assert found == []
    assert {described(point) for kills in every for point in kills} == set(reached)
