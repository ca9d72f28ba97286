"""A webhook of which nothing is known but that it takes JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.alerts.payloads.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.sinks import AlertSinks


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "disk full"},
        {"timestamp": "2026-01-31T12:00:00Z"},
        {"timestamp": 1_700_000_000},
        {"uptime": "3 days", "response_time": "35 ms", "look_at": "the queue", "time": "noon"},
    ],
)
def test_an_object_is_taken(payload: dict[str, Any]) -> None:
    assert not Webhook().problems(payload)


@pytest.mark.parametrize("payload", [{}, [], "text", 7, None])
def test_anything_else_is_refused(payload: Any) -> None:
    (problem,) = Webhook().problems(payload)
    assert problem.refused


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ({"timestamp": "2026-01-31T12:00:00"}, "timestamp"),
        ({"ts": "noon"}, "ts"),
        ({"alert": {"fired_at": "2026-01-31 12:00"}}, "alert.fired_at"),
        ({"alerts": [{"startsAt": "20260131T1200"}]}, "alerts.0.startsAt"),
    ],
)
def test_a_time_must_mean_one_moment(payload: dict[str, Any], where: str) -> None:
    (problem,) = Webhook().problems(payload)
    assert problem.text.startswith(f"{where} ")
    assert not problem.refused


def test_a_project_can_require_more(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    sinks.webhook.require({"required": ["severity"]})
    with sinks.webhook.expect_invalid(times=1):
        assert post(sinks.webhook.url, {"text": "x"}).status == 400
    assert post(sinks.webhook.url, {"severity": "critical"}).status == 200
    with pytest.raises(ValueError, match="this is no JSON Schema"):
        sinks.webhook.require({"type": 7})


def test_a_payload_has_a_largest_size(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    frame = len(b'{"text": ""}')
    assert post(sinks.webhook.url, {"text": "x" * (Webhook.largest - frame)}).status == 200
    with sinks.webhook.expect_invalid():
        assert post(sinks.webhook.url, {"text": "x" * (Webhook.largest - frame + 1)}).status == 400
    assert "262145 bytes" in sinks.webhook.received[-1].problems[0]


def test_the_text_is_what_a_reader_sees() -> None:
    assert Webhook().text({"id": "7", "title": "a", "message": "b"}) == "a\nb"
    assert Webhook().text({"what": ["a", {"more": "b"}]}) == "a\nb"
