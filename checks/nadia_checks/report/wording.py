"""Foreign text made fit to be shown: one line, no terminal escapes, encodable."""

from __future__ import annotations

import re

# The control sequences of ECMA-48: CSI and its parameters, the strings (OSC, DCS, …), the rest.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_BREAKS = re.compile(r"[^\S ]+\s*| +[^\S ]\s*")


def one_line(text: str) -> str:
    """A message of a tool: without terminal escapes, its line breaks as spaces."""
    return visible(_BREAKS.sub(" ", _ESCAPES.sub("", text).strip()))


def visible(text: str) -> str:
    """A name with everything that does not print shown as an escape, such as `\\x1b`."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def encodable(text: str, encoding: str | None) -> str:
    """The text with what the encoding lacks as escapes."""
    encoding = encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortened(text: str, limit: int) -> str:
    """About `limit` characters, and how many are left out."""
    left_out = len(text) - limit
    return text if left_out <= 20 else f"{text[:limit]}... ({left_out} more characters)"
