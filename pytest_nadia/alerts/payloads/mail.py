"""A mail message, as a mail server gets it.

Sources: RFC 5322 3.6 (From is required, most headers may come once), RFC 5321 4.5.3.1.6 (lines of
998 octets and their end), RFC 5322 2.2 (no line break or other control character in a header).
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

from pytest_nadia.alerts.payloads.markup import MARK
from pytest_nadia.alerts.payloads.verdict import Problem, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_LINE = 998
_NEEDED = ("From", "Subject")
_ONCE = ("date", "from", "sender", "reply-to", "to", "cc", "message-id", "subject")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TEXTS = ("subject", "comments", "keywords")


class Mail(NamedTuple):
    """A message, what a reader sees of it, and what is wrong with it."""

    message: EmailMessage
    text: str
    problems: list[Problem]


def judge_mail(raw: bytes, recipients: Sequence[str]) -> Mail:
    """`recipients` are those of the envelope."""
    message = message_from_bytes(raw, policy=policy.default)
    try:
        return Mail(message, _text(message), list(_problems(raw, message, recipients)))
    except Exception as error:
        # The parser of the standard library stumbles over some of what is broken.
        name = type(error).__name__
        return Mail(message, "", [Problem(f"it cannot be parsed: {name}: {shortened(str(error))}")])


def _text(message: EmailMessage) -> str:
    """The subject and the body, as plain text where it has any."""
    text = f"{message.get('Subject', '')}\n{_body(message)}"
    return text.replace("\r\n", "\n").strip()


def _problems(raw: bytes, message: EmailMessage, recipients: Sequence[str]) -> Iterator[Problem]:
    yield from _lines(raw)
    yield from _missing(message)
    yield from _headers(message)
    yield from _recipients(recipients)
    yield from _defects(message)
    yield from _markup(message)


def _body(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    try:
        return str(part.get_content()) if part is not None else ""
    except (LookupError, ValueError):
        # Unknown charset; the defect is told of elsewhere.
        return ""


def _lines(raw: bytes) -> Iterator[Problem]:
    longest = max(map(len, raw.split(b"\r\n")))
    if longest > _LONGEST_LINE:
        yield Problem(f"a line has {longest} octets, the limit is {_LONGEST_LINE}")


def _missing(message: EmailMessage) -> Iterator[Problem]:
    for name in _NEEDED:
        if name not in message:
            yield Problem(f"the header {name} is missing", refused=name == "From")
    if "To" not in message and "Cc" not in message:
        yield Problem("neither To nor Cc names a recipient", refused=False)


def _headers(message: EmailMessage) -> Iterator[Problem]:
    names = [name.lower() for name in message]
    for name in _ONCE:
        if names.count(name) > 1:
            yield Problem(f"the header {name.title()} comes {names.count(name)} times")
    for name, value in message.items():
        yield from _header(name, str(value))


def _header(name: str, value: str) -> Iterator[Problem]:
    shown = f"{shortened(name, 40)}: {shortened(value, 80)}"
    if MARK in name.lower() or (MARK in value and name.lower() not in _TEXTS):
        yield Problem(f"the alert's text became a header: {shown}", refused=False)
    elif name.lower() == "bcc":
        yield Problem(f"a header Bcc was sent to everybody, or injected: {shown}", refused=False)
    if _CONTROL.search(value):
        yield Problem(f"a header holds a line break or control character: {shown}", refused=False)


def _recipients(recipients: Sequence[str]) -> Iterator[Problem]:
    for one in recipients:
        if MARK in one:
            yield Problem(
                f"the alert's text became a recipient: {shortened(one, 80)}", refused=False
            )


def _defects(message: EmailMessage) -> Iterator[Problem]:
    for part in message.walk():
        for defect in part.defects:
            yield Problem(f"it is not well-formed: {type(defect).__name__}", refused=False)
        for name, value in part.items():
            for defect in getattr(value, "defects", ()):
                yield Problem(f"the header {name} is not well-formed: {defect}", refused=False)


def _markup(message: EmailMessage) -> Iterator[Problem]:
    for part in message.walk():
        if part.get_content_type() == "text/html":
            reader = _Tags()
            reader.feed(_content(part))
            yield from (
                Problem(f"the alert's text became HTML, {tag}: escape it", refused=False)
                for tag in reader.found
            )


def _content(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        return ""


class _Tags(HTMLParser):
    """Finds scripts, and tags that carry the mark of a hostile text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = [value or "" for _, value in attrs]
        if tag == "script" or MARK in tag or any(MARK in value for value in values):
            self.found.append(shortened(self.get_starttag_text() or tag, 80))
