"""NAD805: an alert that fires because it divides by 0."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

CODE = """\
from prometheus_client import Counter, Gauge
Counter("bot_errors", "")
Counter("bot_messages", "")
Gauge("bot_used_bytes", "")
Gauge("bot_limit_bytes", "")
Gauge("bot_workers", "")
"""
RECORDED = "  - record: bot:ratio\n    expr: redis_memory_used_bytes / redis_memory_max_bytes\n"
ERRORS, MESSAGES = "rate(bot_errors_total[5m])", "rate(bot_messages_total[5m])"
USED, MOST = "redis_memory_used_bytes", "redis_memory_max_bytes"


def files(expression: str, *more: str) -> dict[str, str]:
    alert = f"  - alert: A\n    expr: {expression}\n"
    return {"bot.py": CODE, "a.yml": f"groups:\n- name: a\n  rules:\n{alert}{''.join(more)}"}


@pytest.mark.parametrize(
    ("expression", "severity"),
    [
        (f"{USED} / {MOST} > 0.9", "error"),
        (f"{USED} / {MOST} * 100 > 90", "error"),
        (f"100 * sum({USED}) / sum({MOST}) >= 90", "error"),
        (f"0.9 < {USED} / {MOST}", "error"),
        (f"1 - {USED} / {MOST} < 0.1", "error"),
        (f"{USED} / {MOST} > 0.9 and {USED} > 1000", "error"),
        (f"{USED} / {MOST} > 0.9 unless up == 0", "error"),
        (f"({USED} / {MOST}) > bool 0.9 == 1", "error"),
        (f"round({USED} / clamp_max({MOST}, 100)) != 0", "error"),
        ("bot:ratio > 0.9", "error"),
        (f"up > 5 or ({USED} / {MOST} > 0.9 or up > 7)", "error"),
        (f"{ERRORS} / {MESSAGES} > 0.1", "warning"),
        (f"sum({ERRORS}) / sum({MESSAGES}) > 0.1", "warning"),
        ("bot_used_bytes / bot_limit_bytes > 0.9", "warning"),
        ("rate(bot_x_sum[5m]) / rate(bot_x_count[5m]) != 0", "warning"),
    ],
)
def test_is_found(found: Any, expression: str, severity: str) -> None:
    known = 'known_metrics = ["bot_x_*"]'

    assert found("NAD805", files(expression, RECORDED), known) == [("a.yml", 5, severity)]


@pytest.mark.parametrize(
    "expression",
    [
        f"{USED} / {MOST} > 0.9 and {MOST} > 0",
        f"{MOST} > 0 and {USED} / {MOST} > 0.9",
        f"{USED} / ({MOST} > 0) > 0.9",
        f"{USED} / ({MOST} != 0) > 0.9",
        f"{USED} / {MOST} > 0.9 unless {MOST} == 0",
        f"{USED} / clamp_min({MOST}, 1) > 2",
        f"{USED} / ({MOST} + 1) > 2",
        f"{USED} / {MOST} < 0.1",
        "redis_memory_used_bytes / 1024 > 5",
        "bot:ratio > 0.9 and redis_memory_max_bytes > 0",
        f"{ERRORS} / {MESSAGES} > 0.1 and {MESSAGES} > 0",
        f"{ERRORS} / ({MESSAGES} > 0) > 0.1",
        'rate(bot_messages_total{kind="bad"}[5m]) / rate(bot_messages_total[5m]) > 0.1',
        "rate(bot_x_sum[5m]) / rate(bot_x_count[5m]) > 3",
        "bot_used_bytes / bot_workers > 3",
        "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1",
        "bot_used_bytes / count(up) > 3",
    ],
)
def test_a_guard_or_a_divisor_that_is_never_zero_is_fine(look: Any, expression: str) -> None:
    expression = f"'{expression}'" if '"' in expression else expression

    assert look(files(expression, RECORDED), 'known_metrics = ["bot_x_*"]').drafts == []


def test_rules_that_record_each_other_end(look: Any) -> None:
    circle = "".join(
        f"  - record: bot:{one}\n    expr: bot:{other} / bot:{other}\n"
        for one, other in ("ab", "ba")
    )

    assert look(files("bot:a > 1", circle)).drafts == []


def test_rules_that_grow_from_level_to_level_end(found: Any) -> None:
    first = "  - record: bot:0\n    expr: redis_memory_used_bytes / redis_memory_max_bytes\n"
    grown = (f"  - record: bot:{n}\n    expr: bot:{n - 1} + bot:{n - 1}\n" for n in range(1, 60))

    assert found("NAD805", files("bot:59 > 1", first, *grown)) == [("a.yml", 5, "error")]


def test_a_dashboard_may_divide_by_zero(look: Any) -> None:
    panel = f'{{"panels": [{{"type": "stat", "targets": [{{"expr": "{USED} / {MOST} > 0.9"}}]}}]}}'

    assert look({"d.json": panel}).drafts == []
