"""The hook `nadia-gate`: the whole gate, before a push or by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from nadia_checks import cli

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Takes what `nadia gate` takes, and ends with its exit code."""
    return cli.main(["gate", *(sys.argv[1:] if argv is None else argv)])
