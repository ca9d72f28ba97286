"""No payload, however odd, makes a sink stumble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_nadia.alerts.payloads.discord import Discord
from pytest_nadia.alerts.payloads.mail import judge_mail
from pytest_nadia.alerts.payloads.slack import Slack
from pytest_nadia.alerts.payloads.webhook import Webhook

if TYPE_CHECKING:
    from pytest_nadia.alerts.payloads.vendor import Vendor

NAMES = (
    *("text", "blocks", "attachments", "fields", "elements", "type", "link_names", "parse"),
    *("content", "embeds", "allowed_mentions", "timestamp", "footer", "author", "name", "value"),
    *("username", "color", "at"),
)
WORDS = st.sampled_from(["section", "header", "context", "markdown", "mrkdwn", "plain_text"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | WORDS
PAYLOADS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("vendor", [Slack(), Discord(), Webhook()], ids=lambda one: one.channel)
@given(payload=PAYLOADS)
@settings(max_examples=60, deadline=None)
def test_any_json_is_judged(vendor: Vendor, payload: Any) -> None:
    problems = vendor.problems(payload)
    assert isinstance(vendor.text(payload), str)
    assert all(one.text and "\n" not in one.text for one in problems)
    if refused := [one for one in problems if one.refused]:
        assert vendor.refused(refused).status == 400


LINES = st.sampled_from(
    [
        *(
            "From: a@b.c",
            "To: a@b.c",
            "Subject: x",
            "Subject: =?utf-8?b?/w==?=",
            "From: <",
            "To: ;",
        ),
        *("Content-Type: text/html", "Content-Type: multipart/mixed; boundary=x", "--x", "--x--"),
        *("Content-Transfer-Encoding: base64", "Date: never", "Message-ID: <", "", " folded", "<a"),
    ]
)


@given(lines=st.lists(LINES | st.text(max_size=10), max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_mail_is_judged(lines: list[str]) -> None:
    raw = "\r\n".join(lines).encode("utf-8", "surrogatepass")
    mail = judge_mail(raw, ["a@b.c"])
    assert isinstance(mail.text, str)
    assert all(one.text and "\n" not in one.text for one in mail.problems)
