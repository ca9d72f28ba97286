"""Logging that prints no secret, whatever the message or the traceback holds."""

from __future__ import annotations

import logging
import re
from typing import TextIO

_HIDDEN = "***"
# Each pattern keeps its first group, if it has one, and hides the rest.
_SECRETS = (
    re.compile(r"(\w://[^\s:/@]{0,256}:)[^\s@/]{1,256}(?=@)"),
    re.compile(
        r"((?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s{0,4}[=:]\s{0,4})"
        r"(?:bearer\s{1,4}|basic\s{1,4})?[^\s,;&]{1,512}",
        re.IGNORECASE,
    ),
    re.compile(r"(\bbearer\s{1,4})[\w.~+/=-]{8,512}", re.IGNORECASE),
    re.compile(r"\bsk-[\w-]{16,256}"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,256}"),
    re.compile(r"\bgithub_pat_\w{20,256}"),
    re.compile(r"\bxox[abeoprs]-[\w-]{10,256}"),
    re.compile(r"\bA(?:KI|SI)A[0-9A-Z]{16}\b"),
    re.compile(r"\b\d{8,10}:[\w-]{35}\b"),
    re.compile(r"\beyJ[\w-]{8,2048}\.[\w-]{8,2048}\.[\w-]{8,2048}"),
)


def redact(text: str) -> str:
    """`text` without passwords in URLs and without what has the shape of a known token."""
    for secret in _SECRETS:
        text = secret.sub(lambda m: (m[1] if m.re.groups else "") + _HIDDEN, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts the finished line, so that arguments and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(level: str, stream: TextIO | None = None) -> logging.Logger:
    """The program's logger, writing to `stream` (standard error by default)."""
    log = logging.getLogger("companion")
    log.setLevel(level)
    log.propagate = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("companion: %(levelname)s: %(message)s"))
    log.handlers = [handler]
    return log
