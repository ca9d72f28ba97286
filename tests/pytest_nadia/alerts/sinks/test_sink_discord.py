"""What Discord takes, what it refuses, and what it takes but should not have been given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.alerts.payloads.discord import Discord

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET: dict[str, Any] = {"allowed_mentions": {"parse": []}}


def embed(**members: Any) -> dict[str, Any]:
    return {"embeds": [members], **QUIET}


def field(name: str = "n", value: str = "v") -> dict[str, Any]:
    return embed(fields=[{"name": name, "value": value}])


LIMITS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "content": (lambda n: {"content": "x" * n, **QUIET}, 2000),
    "embeds": (lambda n: {"embeds": [{"title": "x"}] * n, **QUIET}, 10),
    "title": (lambda n: embed(title="x" * n), 256),
    "description": (lambda n: embed(description="x" * n), 4096),
    "fields": (lambda n: embed(fields=[{"name": "n", "value": "v"}] * n), 25),
    "field name": (lambda n: field(name="x" * n), 256),
    "field value": (lambda n: field(value="x" * n), 1024),
    "footer": (lambda n: embed(title="t", footer={"text": "x" * n}), 2048),
    "author": (lambda n: embed(author={"name": "x" * n}), 256),
    "color": (lambda n: embed(title="t", color=n), 0xFFFFFF),
    "username": (lambda n: {"content": "x", "username": "x" * n, **QUIET}, 80),
    "all embeds": (
        lambda n: (
            {"embeds": [{"description": "x" * 3000}, {"description": "x" * (n - 3000)}]} | QUIET
        ),
        6000,
    ),
}


@pytest.mark.parametrize(("make", "limit"), LIMITS.values(), ids=LIMITS)
def test_each_limit_holds_to_the_last_item(
    make: Callable[[int], dict[str, Any]], limit: int
) -> None:
    assert not Discord().problems(make(limit))
    (problem,) = Discord().problems(make(limit + 1))
    assert problem.refused


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (QUIET, 50006),
        ({"text": "sent to the wrong service", **QUIET}, 50006),
        ({"content": "", "embeds": [], **QUIET}, 50006),
        ({"content": 7, **QUIET}, 50035),
        ([], 50035),
        (field(name=""), 50035),
        (field(value=""), 50035),
        (embed(title="t", color="#ff0000"), 50035),
        (embed(title="t", url="javascript:alert(1)"), 50035),
        (embed(title="t", timestamp=1_700_000_000), 50035),
        (embed(title="t", timestamp="yesterday"), 50035),
        ({"content": "x", "username": "Discord bot", **QUIET}, 50035),
    ],
)
def test_discord_names_its_refusals(payload: Any, code: int) -> None:
    found = [one for one in Discord().problems(payload) if one.refused]
    answer = Discord().refused(found)
    assert answer.status == 400
    assert json.loads(answer.body)["code"] == code


@pytest.mark.parametrize("moment", ["2026-01-31T12:00:00+00:00", "2026-01-31T12:00:00.123Z"])
def test_a_time_with_an_offset_is_a_moment(moment: str) -> None:
    assert not Discord().problems(embed(title="t", timestamp=moment))


@pytest.mark.parametrize("moment", ["2026-01-31T12:00:00", "2026-01-31 12:00", "2026-01-31"])
def test_a_time_without_an_offset_is_taken_and_told_of(moment: str) -> None:
    (problem,) = Discord().problems(embed(title="t", timestamp=moment))
    assert "has no offset from UTC" in problem.text
    assert not problem.refused


def test_mentions_must_be_off() -> None:
    (missing,) = Discord().problems({"content": "@everyone"})
    assert "allowed_mentions is missing" in missing.text
    (some,) = Discord().problems({"content": "x", "allowed_mentions": {"parse": ["everyone"]}})
    assert "texts can notify people" in some.text
    assert not missing.refused
    assert not some.refused


def test_who_is_named_on_purpose_may_be_notified() -> None:
    payload = {"content": "<@123>", "allowed_mentions": {"parse": [], "users": ["123"]}}
    assert not Discord().problems(payload)


def test_the_text_is_what_a_reader_sees() -> None:
    payload = {"content": "a", "embeds": [{"title": "b", "fields": [{"name": "c", "value": "d"}]}]}
    assert Discord().text(payload) == "a\nb\nc\nd"
