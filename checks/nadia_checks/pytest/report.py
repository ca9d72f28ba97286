"""What the plugin wrote about a test run (format "nadia/tests/1"), as typed structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from nadia_checks.core.errors import CheckError

if TYPE_CHECKING:
    from pathlib import Path

BAD_OUTCOMES = ("failed", "error")


class Test(Struct, frozen=True):
    """One test; `path` is relative to the report's `rootdir`, `line` counts from 1 or is 0."""

    node_id: str
    path: str
    line: int
    outcome: str
    message: str = ""

    @property
    def is_bad(self) -> bool:
        return self.outcome in BAD_OUTCOMES


class CollectError(Struct, frozen=True):
    """A module that pytest could not collect."""

    path: str
    message: str


class Report(Struct, frozen=True):
    """A run; `reason` says why it is not complete."""

    schema: Literal["nadia/tests/1"]
    complete: bool
    reason: str
    exit_status: int
    rootdir: str
    inipath: str | None
    collected: int
    deselected: int
    tests: list[Test]
    collect_errors: list[CollectError]
    started_not_finished: list[str]

    def count(self, *outcomes: str) -> int:
        return sum(test.outcome in outcomes for test in self.tests)


def read_report(path: Path) -> Report | None:
    """The report, or None where the plugin wrote none.

    Raises:
        CheckError: it is not in the format that this check reads.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise CheckError(f"the report of the test run cannot be read: {error}") from None
