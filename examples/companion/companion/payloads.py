"""An alert in the form of each vendor, cut to the vendor's limits.

Slack: https://docs.slack.dev/messaging/formatting-message-text (escaping), and chat.postMessage
(text of at most 4,000 characters). Discord: https://discord.com/developers/docs/resources/message
(title 256, description 4,096, allowed_mentions).
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Any, Final

from companion.constants import ALERT_TEXT, ALERT_TITLE
from companion.message import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from companion.alerts import Alert

_SLACK_TEXT: Final = 4_000
_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_COLORS: Final = {"info": 0x3498DB, "warning": 0xF1C40F, "critical": 0xE74C3C}


def plain(alert: Alert) -> dict[str, Any]:
    """For programs: the generic webhook and the command."""
    return {
        "key": cut(one_line(alert.key), ALERT_TITLE),
        "severity": alert.severity,
        "title": title(alert),
        "text": cut(alert.text, ALERT_TEXT),
        "at": alert.at.isoformat(),
    }


def slack(alert: Alert) -> dict[str, Any]:
    text = f"{headline(alert)}\n{alert.text}"
    escaped = _fitting((_ESCAPED.get(char, char) for char in text), _SLACK_TEXT)
    # No formatting, link or mention that the text happens to spell.
    return {"text": escaped, "mrkdwn": False, "link_names": False, "unfurl_links": False}


def discord(alert: Alert) -> dict[str, Any]:
    embed = {
        "title": headline(alert),
        "description": cut(alert.text, ALERT_TEXT),
        "color": _COLORS[alert.severity],
        "timestamp": alert.at.isoformat(),
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def mail(alert: Alert, sender: str, recipients: Sequence[str]) -> EmailMessage:
    # Letters of seven bits: no server has to know more.
    message = EmailMessage(SMTP.clone(cte_type="7bit"))
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = headline(alert)
    message["Date"] = format_datetime(alert.at)
    message["Message-ID"] = make_msgid(domain="companion.invalid")
    message.set_content(f"{cut(alert.text, ALERT_TEXT)}\n")
    return message


def headline(alert: Alert) -> str:
    return f"[{alert.severity}] {title(alert)}"


def title(alert: Alert) -> str:
    """One line: nothing in it can begin a new header."""
    return cut(" ".join(one_line(alert.title).split()), ALERT_TITLE)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, counted as UTF-16 does, which is how the vendors count."""
    return text if _length(text) <= limit else _fitting(text, limit - 1) + "…"


def _fitting(parts: Iterable[str], limit: int) -> str:
    """The first of the parts, as many as fit whole."""
    kept, length = [], 0
    for part in parts:
        length += _length(part)
        if length > limit:
            break
        kept.append(part)
    return "".join(kept)


def _length(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)
