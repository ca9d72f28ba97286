"""Texts that do damage where they are not treated as text, and the file by which a shell shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.alerts.payloads.markup import MARK

if TYPE_CHECKING:
    from pathlib import Path

_SHELL = (
    "$(touch {file})",
    "`touch {file}`",
    "; touch {file} ;",
    "& touch {file} &",
    "| touch {file}",
    "\ntouch {file}\n",
    "'; touch {file}; '",
    '"; touch {file}; "',
    "$(touch${{IFS}}{file})",
)
_MARKUP = (
    f"<https://example.invalid/{MARK}|click> & <b>",
    "<!channel> <!here> <@U0123456> <!subteam^S0123456>",
    "@everyone @here <@123456789012345678> <@&123456789012345678>",
    f'<script src="https://example.invalid/{MARK}"></script><{MARK}>',
)
_HEADERS = (
    f"disk full\r\nBcc: {MARK}@example.invalid\r\nX-{MARK}: 1",
    f"disk full\nTo: {MARK}@example.invalid\n\n{MARK}",
)


def hostile_texts(canary: Path) -> tuple[str, ...]:
    """For shells, chats and mail; a shell that reads one of the first makes the file `canary`."""
    shell = [text.format(file=canary) for text in _SHELL]
    # Longer than any channel takes, and what a terminal would obey.
    return (*shell, *_MARKUP, *_HEADERS, "x" * 50_000, "\x1b[2Jcleared \x07\u202e")
