"""What the lints look at: what one test did to its Redis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_nadia.finding import Finding, Rule, Severity, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_nadia.redis.connections import ForeignConnection
    from pytest_nadia.redis.settings import RedisSettings
    from pytest_nadia.redis.wire import CommandRecord

_LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the project; `path` is as Python names the file."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenConnection:
    """A connection that was opened during the test, as it stands after its tear-down.

    `place` is the project's line that opened it, `reachable` whether something that outlives the
    test still holds it.
    """

    address: str
    state: Literal["open", "closed", "finalized"]
    reachable: bool
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLeft:
    """A key without an expiry that the project says must have one."""

    key: bytes
    database: int
    glob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One test, after its tear-down.

    `path` and `line` are the test's; `path` is relative to `root`, the folder of the project.
    """

    root: Path
    path: str
    line: int
    test: str
    settings: RedisSettings
    records: tuple[CommandRecord, ...] = ()
    connections: tuple[SeenConnection, ...] = ()
    keys_left: tuple[KeyLeft, ...] = ()
    foreign: tuple[ForeignConnection, ...] = ()

    def finding(
        self, rule: Rule, message: str, *, about: str, repair: str = "", place: Place | None = None
    ) -> Finding:
        """A finding at `place`, or at the test. `about` tells it from others of its kind."""
        path, line = self._relative(place)
        level = self.settings.level(rule.number)
        return Finding(
            rule=rule.number,
            severity=Severity.ERROR if level == "error" else Severity.NOTE,
            path=path,
            line=line,
            column=0,
            end_line=line,
            message=message,
            help=repair or rule.repair,
            fingerprint=fingerprint(rule.number, path, self.test, about, 0),
        )

    def _relative(self, place: Place | None) -> tuple[str, int]:
        if place is not None:
            path = Path(place.path)
            if path.is_relative_to(self.root):
                return path.relative_to(self.root).as_posix(), place.line
        return self.path, self.line


def ran(records: Iterable[CommandRecord]) -> list[CommandRecord]:
    """The commands that the project sent and Redis carried out."""
    return [
        record
        for record in records
        if not record.handshake and record.outcome in ("ok", "error", "lost")
    ]


def shown(key: bytes | None) -> str:
    """A key as a message names it."""
    if key is None:
        return "no key"
    text = key.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= _LONGEST_KEY else text[: _LONGEST_KEY - 1] + "…")
