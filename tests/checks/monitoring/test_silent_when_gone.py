"""NAD806: an alert that says nothing when what it watches is gone altogether."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

CODE = """\
from prometheus_client import Counter, Gauge
Counter("bot_sent", "")
Gauge("bot_state", "")
"""
HEAD = "groups:\n- name: a\n  rules:\n"


def files(*expressions: str) -> dict[str, str]:
    rules = [f"  - alert: A{n}\n    expr: '{one}'\n" for n, one in enumerate(expressions)]
    return {"bot.py": CODE, "a.yml": HEAD + "".join(rules)}


@pytest.mark.parametrize(
    "expressions",
    [
        ["redis_up == 0"],
        ["redis_up != 1"],
        ["redis_up < 1"],
        ["0 == redis_up"],
        ["rate(bot_sent_total[10m]) == 0"],
        ["sum(increase(bot_sent_total[10m])) <= 0"],
        ["(bot_state == 0) and on() (hour() > 8)"],
        ["sum by (x) (bot_state == 0) > 0 or bot_state == 0"],
        ["count(bot_state == 1) == 0"],
        ["count(bot_state) < 1"],
        ["count_over_time(bot_sent_total[5m]) == 0"],
        ["redis_up == 0", "absent(node_load1)"],
        ["redis_up == 0", 'up{job="node"} == 0'],
        ['redis_up{job="cache"} == 0', 'up{job=~"redis|bot"} == 0'],
        ["redis_up == 0", 'up{instance="one:9121"} == 0'],
    ],
)
def test_is_found(found: Any, expressions: list[str]) -> None:
    places = found("NAD806", files(*expressions))

    assert set(places) == {("a.yml", 5, "error")}


@pytest.mark.parametrize(
    "expressions",
    [
        ["redis_up == 0 or absent(redis_up)"],
        ["redis_up == 0", "absent(redis_up)"],
        ["redis_up == 0", 'absent_over_time(redis_up{job="redis"}[5m])'],
        ["redis_up == 0", "up == 0"],
        ["redis_up == 0", 'up{job="redis"} == 0'],
        ["redis_up == 0", 'up{job=~"redis|node"} == 0'],
        ["redis_up == 0", 'up{job!="batch"} == 0'],
        ['redis_up{job="cache"} == 0', 'up{job="cache"} == 0'],
        ["redis_up == 0", "count(up == 1) < 3"],
        ["redis_up == 0", "absent(redis_connected_clients)"],
        ["(sum(rate(bot_sent_total[5m])) or vector(0)) == 0"],
        ["count(bot_state) or vector(0) < 1"],
        ["bot_state > 5"],
        ["bot_state < 5"],
        ["node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.1"],
        ["node_md_disks == 0"],
        ["rate(bot_sent_total[5m]) > 3 and bot_state == 0"],
        ["bot_sent_total > 5 unless bot_state == 0"],
        ["up == 0"],
        ["count(bot_state) > 3"],
    ],
)
def test_a_companion_or_another_kind_of_alert_is_fine(look: Any, expressions: list[str]) -> None:
    assert look(files(*expressions)).drafts == []


def test_the_companion_may_stand_in_another_file(look: Any) -> None:
    project = files("redis_up == 0")
    project["other/b.yml"] = HEAD + "  - alert: B\n    expr: up == 0\n"

    assert look(project).drafts == []


def test_a_count_that_is_never_zero_is_told_apart(only: Any) -> None:
    draft = only(files("count(bot_state) == 0"))

    assert "can never fire" in draft.message
    assert "absent(bot_state)" in draft.help
