"""What Slack takes, what it refuses, and what it takes but should not have been given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.alerts.payloads.slack import Slack

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.sinks import AlertSinks


def section(text: str, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"blocks": [{"type": "section", "text": {"type": kind, "text": text}}]}


def fields(number: int, length: int) -> dict[str, Any]:
    one = {"type": "mrkdwn", "text": "x" * length}
    return {"blocks": [{"type": "section", "fields": [one] * number}]}


def elements(kind: str, number: int, one: dict[str, Any]) -> dict[str, Any]:
    return {"blocks": [{"type": kind, "elements": [one] * number}]}


def header(length: int) -> dict[str, Any]:
    return {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * length}}]}


PLAIN = {"type": "plain_text", "text": "x"}
LIMITS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "blocks": (lambda n: {"blocks": [{"type": "divider"}] * n}, 50),
    "section": (lambda n: section("x" * n), 3000),
    "fields": (lambda n: fields(n, 1), 10),
    "field": (lambda n: fields(1, n), 2000),
    "header": (header, 150),
    "context": (lambda n: elements("context", n, PLAIN), 10),
    "actions": (lambda n: elements("actions", n, {"type": "button"}), 25),
    "block_id": (lambda n: {"blocks": [{"type": "divider", "block_id": "x" * n}]}, 255),
    "image": (
        lambda n: {"blocks": [{"type": "image", "image_url": "https://a", "alt_text": "x" * n}]},
        2000,
    ),
    "markdown": (lambda n: {"blocks": [{"type": "markdown", "text": "x" * n}]}, 12_000),
    "attachments": (lambda n: {"attachments": [{"text": "x"}] * n}, 100),
    "text": (lambda n: {"text": "x" * n}, 40_000),
}


@pytest.mark.parametrize(("make", "limit"), LIMITS.values(), ids=LIMITS)
def test_each_limit_holds_to_the_last_item(
    make: Callable[[int], dict[str, Any]], limit: int
) -> None:
    assert not Slack().problems(make(limit))
    assert len(Slack().problems(make(limit + 1))) == 1


def test_markdown_blocks_are_counted_together() -> None:
    one = {"type": "markdown", "text": "x" * 6001}
    (problem,) = Slack().problems({"blocks": [one, one]})
    assert "12002 characters, the limit is 12000" in problem.text


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "no_text"),
        ({"content": "sent to the wrong service"}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": 7}, "invalid_payload"),
        (["text"], "invalid_payload"),
        ("text", "invalid_payload"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "headline"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": "not an object"}]}, "invalid_blocks"),
        ({"blocks": {"type": "divider"}}, "invalid_blocks"),
        (section(""), "invalid_blocks"),
        (header(151), "invalid_blocks"),
        (
            {"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]},
            "invalid_blocks",
        ),
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"attachments": [{"text": 7}]}, "invalid_attachments"),
    ],
)
def test_slack_names_its_refusals(payload: Any, code: str) -> None:
    found = Slack().problems(payload)
    answer = Slack().refused([one for one in found if one.refused])
    assert (answer.status, answer.body.decode()) == (400, code)


@pytest.mark.parametrize(
    "text",
    [
        "CPU &gt; 80 % &amp; rising &lt;b&gt;",
        "<https://example.org/a?b=1&amp;c|the dashboard>",
        "<https://example.org>",
        "<mailto:ops@example.org|ops>",
        "<!date^1392734382^{date}|Feb 18>",
        "<#C024BE7LR>",
        "> quoted\n>> and again",
        "*bold* _and_ `code`",
    ],
)
def test_text_that_is_written_as_slack_wants_it(text: str) -> None:
    for payload in ({"text": text}, section(text), {"attachments": [{"text": text}]}):
        assert not Slack().problems(payload)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CPU > 80 %", "is not escaped"),
        ("a & b", "is not escaped"),
        ("<b>", "is not escaped"),
        ("a < b", "is not escaped"),
        ("&quot;", "is not escaped"),
        ("<!channel>", "notifies people"),
        ("now <!here|here>", "notifies people"),
        ("<!everyone>", "notifies people"),
        ("<!subteam^SAZ94GDB8>", "notifies people"),
        ("<@U024BE7LH>", "notifies people"),
    ],
)
def test_text_that_does_more_than_be_read(text: str, expected: str) -> None:
    places = {
        "text": {"text": text},
        "blocks.0.text": section(text),
        "blocks.0.elements.0": elements("context", 1, {"type": "mrkdwn", "text": text}),
        "attachments.0.title": {"attachments": [{"title": text}]},
        "attachments.0.fields.0.value": {"attachments": [{"fields": [{"value": text}]}]},
        "attachments.0.blocks.0.text": {"attachments": [section(text)]},
    }
    for where, payload in places.items():
        (problem,) = Slack().problems(payload)
        assert expected in problem.text
        assert problem.text.startswith(f"{where}: ")
        assert not problem.refused


def test_plain_text_needs_no_escapes() -> None:
    assert not Slack().problems(section("a < b & <!channel>", "plain_text"))


def test_names_notify_only_where_they_are_linked() -> None:
    assert not Slack().problems({"text": "@channel"})
    (problem,) = Slack().problems({"text": "@channel", "link_names": 1})
    assert "notifies people" in problem.text


def test_a_link_that_came_in_with_the_text_is_markup(sinks: AlertSinks) -> None:
    link = next(text for text in sinks.hostile_texts if text.startswith("<https://"))
    (first, *_) = Slack().problems({"text": link})
    assert "the alert's text became a link" in first.text
    escaped = link.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert not Slack().problems({"text": escaped})
    assert Slack().text({"text": escaped}) == link


def test_the_text_is_what_a_reader_sees() -> None:
    payload = {**section("a &amp; b"), "text": "fallback", "attachments": [{"text": "&lt;c&gt;"}]}
    assert Slack().text(payload) == "fallback\na & b\n<c>"
