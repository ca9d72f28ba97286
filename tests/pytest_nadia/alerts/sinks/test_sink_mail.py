"""What a mail must look like, and how it shows that a text became more than a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.alerts.payloads.mail import judge_mail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_nadia.alerts.payloads.verdict import Problem

HEAD = "From: bot@example.org\r\nTo: ops@example.org\r\nSubject: disk full\r\n"
MARK = "nadia-canary"


def problems(text: str, recipients: Sequence[str] = ("ops@example.org",)) -> list[Problem]:
    return judge_mail(text.encode(), recipients).problems


def html(body: str) -> str:
    return f"{HEAD}MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\r\nbody\r\n",
        f"{HEAD}X-Priority: 1\r\nDate: Sat, 31 Jan 2026 12:00:00 +0000\r\n\r\nbody\r\n",
        HEAD.replace("disk full", "=?utf-8?q?d=C3=BCnn?=") + "\r\nbody\r\n",
        HEAD.replace("disk full", f"<{MARK}>") + f"\r\n{MARK}\r\n",
        html(f"<p>&lt;{MARK}&gt; <b>bold</b></p>"),
        f"{HEAD}\r\n{'x' * 998}\r\n",
    ],
)
def test_a_proper_mail_has_no_problems(text: str) -> None:
    assert not problems(text)


@pytest.mark.parametrize(
    ("text", "expected", "refused"),
    [
        ("To: a@example.org\r\nSubject: x\r\n\r\n", "header From is missing", True),
        ("From: a@example.org\r\nTo: a@example.org\r\n\r\n", "Subject is missing", False),
        ("From: a@example.org\r\nSubject: x\r\n\r\n", "names a recipient", False),
        (f"{HEAD}Subject: again\r\n\r\n", "Subject comes 2 times", True),
        (f"{HEAD}To: more@example.org\r\n\r\n", "To comes 2 times", True),
        (f"{HEAD}Bcc: more@example.org\r\n\r\n", "header Bcc", False),
        (f"{HEAD}X-{MARK}: 1\r\n\r\n", "text became a header", False),
        (f"{HEAD}Cc: {MARK}@example.invalid\r\n\r\n", "text became a header", False),
        (
            HEAD.replace("disk full", "=?utf-8?q?disk=0AX-More=3A_1?=") + "\r\n",
            "line break or control character",
            False,
        ),
        (f"{HEAD}this is no header\r\n\r\nbody\r\n", "not well-formed", False),
        (f"{HEAD}\r\n{'x' * 999}\r\n", "999 octets, the limit is 998", True),
        (html(f"<{MARK}>"), "text became HTML", False),
        (html(f'<img src="https://example.invalid/{MARK}">'), "text became HTML", False),
        (html("<script>alert(1)</script>"), "text became HTML", False),
    ],
)
def test_what_is_wrong_with_a_mail(text: str, expected: str, refused: bool) -> None:
    found = [one for one in problems(text) if expected in one.text]
    assert [one.refused for one in found] == [refused], problems(text)


def test_a_recipient_that_came_in_with_the_text() -> None:
    (problem,) = problems(f"{HEAD}\r\n", ["ops@example.org", f"{MARK}@example.invalid"])
    assert "text became a recipient" in problem.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}\r\nbody\r\n", "disk full\nbody"),
        (html("<p>body</p>"), "disk full\n<p>body</p>"),
        (f"{HEAD}Content-Type: text/plain; charset=unheard-of\r\n\r\nbody", "disk full"),
        (f"{HEAD}Content-Type: multipart/mixed; boundary=a\r\n\r\n", "disk full"),
    ],
)
def test_the_text_is_what_a_reader_sees(text: str, expected: str) -> None:
    assert judge_mail(text.encode(), []).text == expected
