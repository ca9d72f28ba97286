"""The mark that hostile texts carry, by which markup that came through a text is known."""

from __future__ import annotations

MARK = "nadia-canary"
