"""The verdict as JSON, format "nadia/verdict/1"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from nadia_checks.core.verdict import Verdict


def render(verdict: Verdict) -> str:
    return msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode() + "\n"
