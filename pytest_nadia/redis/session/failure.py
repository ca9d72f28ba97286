"""A report of pytest that is made to fail, with words of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _pytest._code.code import (
    ExceptionChainRepr,
    ReprEntryNative,
    ReprFileLocation,
    ReprTraceback,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def fail_report(
    item: pytest.Item, report: pytest.TestReport, title: str, lines: Sequence[str]
) -> None:
    """The title is also what the short summary shows, and what other programs read."""
    text = "\n".join([title, *lines]) + "\n"
    path, line, _ = item.location
    place = ReprFileLocation(path, (line or 0) + 1, title)
    trace = ReprTraceback([ReprEntryNative([text])], None, style="native")
    report.outcome = "failed"
    report.longrepr = ExceptionChainRepr([(trace, place, None)])
    vars(report).pop("wasxfail", None)
