"""Whatever form a check gives its result, it is read the same way."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace

import msgspec
import pytest

from pytest_nadia.health.reading import Reading, news, read, read_error, read_exit, speaks


class Level(Enum):
    FINE = "healthy"
    BAD = "critical"


@dataclass
class Part:
    name: str
    status: str
    message: str = ""


@dataclass
class Report:
    parts: list[Part] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        return all(part.status == "ok" for part in self.parts)


class Struct(msgspec.Struct):
    ok: bool


Pair = namedtuple("Pair", "status text")


@pytest.mark.parametrize(
    "result",
    [
        True,
        0,
        "OK",
        "all systems operational",
        "status: healthy, 0 errors",
        {"healthy": True},
        {"status": "pass"},
        {"status": Level.FINE, "errors": 0},
        {"redis": True, "queue": True},
        {"redis": {"status": "ok"}, "queue": {"ok": True}},
        {"overall": {"status": "up"}},
        [True, {"status": "ok"}],
        (True, "something is down"),
        ("ok", {"any": "thing"}),
        Report([Part("redis", "ok")]),
        Struct(True),
        SimpleNamespace(is_healthy=True),
        Pair("ok", "critical"),
        Level.FINE,
    ],
)
def test_healthy(result: object) -> None:
    assert read(result).state == "healthy"


@pytest.mark.parametrize(
    "result",
    [
        False,
        2,
        "CRITICAL: all is fine but Redis",
        "degraded",
        {"healthy": False, "status": "ok"},
        {"status": "warning"},
        {"redis": True, "queue": False},
        {"redis": {"status": "ok"}, "queue": {"ok": False}},
        [True, {"status": "down"}],
        (False, "all well"),
        Report([Part("redis", "ok"), Part("queue", "critical")]),
        Struct(False),
        SimpleNamespace(status=Level.BAD),
        Level.BAD,
    ],
)
def test_unhealthy(result: object) -> None:
    assert read(result).state == "unhealthy"


@pytest.mark.parametrize("result", [None, 0.5, b"ok", "purple", {}, [], (), object(), {"a": 1}])
def test_nonsense(result: object) -> None:
    assert read(result).state == "nonsense"


def test_a_result_that_holds_itself_ends() -> None:
    endless: dict[str, object] = {"status": "ok"}
    endless["self"] = endless

    assert read(endless).state == "healthy"


def test_each_thing_that_is_said_is_a_line_with_its_name() -> None:
    report = {"status": "critical", "checks": {"redis": {"ok": False, "error": "refused"}}}

    assert read(report).lines == (
        "status critical",
        "checks redis ok False",
        "checks redis error refused",
    )
    assert read(Report([Part("redis", "ok", "12 ms")])).lines[0] == "parts redis ok 12 ms"


def test_exit_codes_and_what_was_printed() -> None:
    assert read_exit(0, "all\n\n  well") == Reading("healthy", ("all", "well"))
    assert read_exit(2, "") == Reading("unhealthy")


def test_exceptions_that_say_unhealthy() -> None:
    class ServiceUnavailableError(Exception):
        pass

    assert read_error(SystemExit(0)) == Reading("healthy")
    assert read_error(SystemExit()) == Reading("healthy")
    assert read_error(SystemExit(1)) == Reading("unhealthy")
    assert read_error(SystemExit("redis is down")) == Reading("unhealthy", ("redis is down",))
    assert read_error(AssertionError("no reply")) == Reading("unhealthy", ("no reply",))
    assert read_error(ServiceUnavailableError("gone")) == Reading("unhealthy", ("gone",))
    assert read_error(KeyError("redis")) is None
    assert read_error(KeyboardInterrupt()) is None


def test_whether_it_says_more_than_yes_or_no() -> None:
    assert not speaks(read(True))
    assert not speaks(read("OK"))
    assert not speaks(read({"status": "critical"}))
    assert not speaks(read_exit(1, "FAILED"))
    assert speaks(read((False, "no reply")))
    assert speaks(read({"redis": "down"}))


def test_news_are_not_mere_numbers() -> None:
    before = Reading("healthy", ("memory 1.04 MB", "queue 3", "redis ok"))
    now = Reading("unhealthy", ("memory 1.05 MB", "queue 101", "redis refused"))

    assert news(before, now) == ["redis refused"]
    assert news(before, now, 101) == ["queue 101", "redis refused"]
