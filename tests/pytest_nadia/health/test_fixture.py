"""The fixture `health_matrix` in somebody's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = """
import os

import redis

def ping():
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        try:
            client.ping()
            waiting = client.llen("queue")
        except redis.RedisError as error:
            return {"status": "critical", "text": str(error)}
    return {"status": "ok" if waiting <= 5 else "critical", "text": f"{waiting} waiting"}

def test_some(health_matrix):
    result = health_matrix.run(ping, faults=["redis-down", "queue-*-limit", "data-wrong-type"])
    result.assert_all_noticed()

def test_none(health_matrix):
    def blind(client):
        client.ping()
        return True

    result = health_matrix.run(blind, faults=["redis-moved", "clock-stepped-back", "redis-hang"],
                               deadline=0.2)
    assert result.score.hung == 1
    result.assert_all_noticed()
"""
LIMITS = "[tool.nadia.health.limits]\nqueue = 5\n"


@pytest.fixture
def run(pytester: pytest.Pytester, run_reported: Callable[..., Any]) -> Callable[..., Any]:
    def start(*arguments: str) -> Any:
        pytester.makepyfile(test_health=TESTS)
        pytester.makepyprojecttoml(LIMITS)
        return run_reported(*arguments, subprocess=True)

    return start


@pytest.mark.slow
def test_its_score_is_printed_and_recorded(
    run: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    outcome = run(*workers)

    assert outcome.outcomes() == {
        "test_health.py::test_some": "passed",
        "test_health.py::test_none": "failed",
    }
    outcome.result.stdout.fnmatch_lines_random(
        [
            "*= health =*",
            "ping: 3 of 3 faults noticed, 0 not applicable  (test_health.py::test_some)",
            "blind: 0 of 1 faults noticed, 1 hung, 1 not applicable  (test_health.py::test_none)",
            "  hung            redis-hang * no result within 0.2 s",
        ]
    )
    records = {one["node_id"]: one["extra"] for one in outcome.report["tests"]}
    [record] = records["test_health.py::test_some"]["health"]
    assert record["score"] == {
        "applicable": 3,
        "noticed": 3,
        "missed": 0,
        "hung": 0,
        "crashed": 0,
        "false_alarms": 0,
    }
    [failed] = records["test_health.py::test_none"]["health"]
    assert [row["outcome"] for row in failed["rows"]] == ["not applicable", "quiet", "hung"]


@pytest.mark.slow
def test_limits_that_make_no_sense_are_refused(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(test_health="def test_it(health_matrix): ...")
    pytester.makepyprojecttoml('[tool.nadia.health.limits]\nqueue = "many"\n')

    outcome = run_reported(subprocess=True)

    assert "the limit of 'queue' is a number" in next(iter(outcome.messages().values()))
