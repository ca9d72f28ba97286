"""NAD803: a metric that nothing exports."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

CODE = """\
from prometheus_client import Counter, Gauge, Histogram
SENT = Counter("bot_sent", "Messages")
QUEUE = Gauge("bot_queue_length", "Length")
ANSWER = Histogram("bot_answer_seconds", "Seconds")
"""
HEAD = "groups:\n- name: a\n  rules:\n"


def rules(expression: str) -> dict[str, str]:
    return {"bot.py": CODE, "a.yml": f"{HEAD}  - alert: A\n    expr: {expression}\n"}


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("bot_queue_lenght > 100", "did you mean bot_queue_length?"),
        ("rate(bot_sent[5m]) > 100", "the code exports it as bot_sent_total and bot_sent_created"),
        ("bot_answer_seconds > 3", "bot_answer_seconds_bucket"),
        ("bot_sent_count > 3", "known_metrics"),
        ("sum(bot_queue_length) > 3 and on() bot_nothing_like_it == 1", "known_metrics"),
        ("max_over_time((rate(bot_typo[5m]))[10m:1m]) > 3", "known_metrics"),
        ("absent(bot_typo)", "known_metrics"),
        ("'{__name__=\"bot_typo\"} > 3'", "known_metrics"),
        ("3 < topk(scalar(bot_typo), up)", "known_metrics"),
    ],
)
def test_is_found(only: Any, expression: str, hint: str) -> None:
    draft = only(rules(expression))

    assert (draft.rule, draft.severity, draft.path, draft.line) == ("NAD803", "error", "a.yml", 5)
    assert hint in draft.help


@pytest.mark.parametrize(
    "expression",
    [
        "bot_queue_length > 100",
        "rate(bot_sent_total[5m]) > 100",
        "histogram_quantile(0.9, rate(bot_answer_seconds_bucket[5m])) > 1",
        "node_load1 > 5 and redis_connected_clients > 5",
        'ALERTS{alertstate="firing"} > 5',
    ],
)
def test_what_is_exported_is_known(look: Any, expression: str) -> None:
    assert look(rules(expression)).drafts == []


def test_each_name_is_found_on_its_own_line(found: Any) -> None:
    text = "|\n      bot_one > 1\n        and\n      bot_two > 1 and bot_one > 3"

    assert found("NAD803", rules(text)) == [("a.yml", 6, "error"), ("a.yml", 8, "error")]


def test_a_name_made_of_very_many_parts_ends(only: Any) -> None:
    files = rules("bot_typo > 5")
    files["deep.py"] = f"Gauge({'+'.join(['name'] * 3000)}, '')\n"

    assert only(files).rule == "NAD803"


def test_a_dead_panel_is_found(only: Any) -> None:
    panel = '{"panels": [{"type": "stat",\n"title": "T",\n"targets": [\n{"expr": "bot_typo"}]}]}'

    draft = only({"bot.py": CODE, "d.json": panel})

    assert (draft.rule, draft.line) == ("NAD803", 4)
    assert draft.message.startswith("panel T reads bot_typo")


def test_what_a_rule_records_is_known_everywhere(look: Any) -> None:
    files = rules("job:sent:rate5m > 5")
    files["r/b.yml"] = f"{HEAD}  - record: job:sent:rate5m\n    expr: rate(bot_sent_total[5m])\n"

    assert look(files).drafts == []


def test_what_is_recorded_elsewhere_is_doubtful(only: Any) -> None:
    assert only(rules("job:sent:rate5m > 5")).severity == "warning"


def test_a_project_without_code_is_doubtful(only: Any) -> None:
    files = rules("gateway_requests_total > 5")
    del files["bot.py"]

    assert only(files).severity == "warning"


def test_what_the_settings_name_is_known(look: Any) -> None:
    assert look(rules("gateway_sent_total > 5"), 'known_metrics = ["gateway_*"]').drafts == []


def test_what_only_a_test_exports_is_not_there(only: Any) -> None:
    files = rules("bot_only_in_a_test > 5")
    files["tests/test_bot.py"] = 'Gauge("bot_only_in_a_test", "")\n'

    assert only(files).rule == "NAD803"


def test_what_another_language_exports_is_known(look: Any) -> None:
    files = rules("proxy_requests_total > 5")
    files["proxy/main.go"] = 'promauto.NewCounter(Opts{Name: "proxy_requests_total"})\n'

    assert look(files).drafts == []


def test_a_part_that_only_the_program_knows_must_stand_in_the_code(found: Any) -> None:
    files = rules("bot_depth_inbox > 1 and bot_depth_outbox > 1 and bot_depth_typo > 1")
    files["more.py"] = (
        "from prometheus_client import Gauge\n"
        "def make(names=('inbox', 'outbox')):\n"
        "    return [Gauge(f'bot_depth_{name}', '') for name in names]\n"
    )

    assert found("NAD803", files) == [("a.yml", 5, "error")]


def test_instruments_of_opentelemetry_are_exports(found: Any) -> None:
    files = rules("bot_turns_total > 1 and bot_turn_time_seconds_bucket > 1 and bot_turm_total > 1")
    files["telemetry.py"] = (
        "meter.create_counter('bot.turns')\n"
        "meter.create_histogram(name='bot.turn.time', unit='s')\n"
    )

    assert found("NAD803", files) == [("a.yml", 5, "error")]
