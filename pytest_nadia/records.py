"""What a test run did, as one JSON document: a record a test, and whether that is all of them."""

from __future__ import annotations

import errno
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = "nadia/tests/1"
# From the least to the most telling: a test is what its worst phase was.
_OUTCOMES = ("passed", "skipped", "xfailed", "xpassed", "error", "failed")
_LONGEST_MESSAGE = 500
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Phase:
    """What one report says: setup, call or teardown of a test, or a part of its call.

    `outcome` is one of the record's outcomes, or a word of the plugin that will run the test
    again; `seconds` is how long the phase took.
    """

    node_id: str
    name: str
    outcome: str
    seconds: float
    message: str
    path: str
    line: int
    markers: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """One test."""

    node_id: str
    path: str
    line: int
    markers: list[str]
    outcome: str = "passed"
    seconds: float = 0.0
    message: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    called: bool = False

    @property
    def has_result(self) -> bool:
        """Whether the test's body ran, or something before it decided."""
        return self.called or self.outcome != "passed"

    def add(self, phase: Phase) -> None:
        self.seconds += phase.seconds
        self.called |= phase.name == "call"
        self.extra.update(phase.extra)
        if _OUTCOMES.index(phase.outcome) > _OUTCOMES.index(self.outcome):
            self.outcome = phase.outcome
        self.message = self.message or phase.message

    def as_json(self) -> dict[str, Any]:
        return {
            "node_id": self.node_id,
            "path": self.path,
            "line": self.line,
            "markers": self.markers,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 6),
            "message": self.message,
            "extra": self.extra,
        }


class Run:
    """Collects what is known of a run while it goes on."""

    def __init__(self) -> None:
        self.deselected = 0
        self._selected: dict[str, None] = {}
        self._records: dict[str, Record] = {}
        self._started: dict[str, None] = {}
        self._finished: set[str] = set()
        self._collect_errors: dict[str, str] = {}
        self._stops: dict[str, str] = {}

    def select(self, node_ids: Iterable[str]) -> None:
        self._selected.update(dict.fromkeys(node_ids))

    def start(self, node_id: str) -> None:
        self._started[node_id] = None

    def finish(self, node_id: str) -> None:
        self._finished.add(node_id)

    def add(self, phase: Phase) -> None:
        if phase.outcome not in _OUTCOMES:
            # A plugin runs the test again: what counts is the attempt that it reports last.
            self._records.pop(phase.node_id, None)
            return
        self._record_of(phase).add(phase)

    def list_only(self, phase: Phase) -> None:
        """Note a test that is collected and not meant to run."""
        self._record_of(phase).outcome = phase.outcome
        self.finish(phase.node_id)

    def fail_collection(self, path: str, message: str) -> None:
        self._collect_errors.setdefault(path, message)

    def stop(self, cause: str, reason: str) -> None:
        """Note why the run is not complete. A later reason of the same cause replaces it."""
        self._stops[cause] = reason

    def document(
        self, *, exit_status: int, rootdir: Path, inipath: Path | None, stopped_by: str = ""
    ) -> dict[str, Any]:
        """The run as JSON-ready data; `stopped_by` is pytest's word for why it stopped early."""
        reason = "; ".join(self._reasons(exit_status, stopped_by))
        return {
            "schema": SCHEMA,
            "complete": not reason,
            "reason": reason,
            "exit_status": exit_status,
            "rootdir": str(rootdir),
            "inipath": str(inipath) if inipath else None,
            "collected": len(self._selected) + self.deselected,
            "deselected": self.deselected,
            "tests": [record.as_json() for record in self._in_order()],
            "collect_errors": [
                {"path": path, "message": message}
                for path, message in sorted(self._collect_errors.items())
            ],
            "started_not_finished": [each for each in self._started if each not in self._finished],
        }

    def _record_of(self, phase: Phase) -> Record:
        new = Record(phase.node_id, phase.path, phase.line, phase.markers)
        return self._records.setdefault(phase.node_id, new)

    def _in_order(self) -> list[Record]:
        """Records that hold a result, as collected: workers report in any order."""
        order = {node_id: place for place, node_id in enumerate(self._selected)}
        shown = [each for each in self._records.values() if self._is_shown(each)]
        return sorted(shown, key=lambda each: order.get(each.node_id, len(order)))

    def _is_shown(self, record: Record) -> bool:
        # Of a test that was cut off, only a failure is a result.
        cut_off = record.node_id not in self._finished
        return record.outcome in {"failed", "error"} if cut_off else record.has_result

    def _reasons(self, exit_status: int, stopped_by: str) -> list[str]:
        reasons = list(self._stops.values())
        if not reasons and exit_status in _EXITS:
            reasons.append(_EXITS[exit_status])
        missing = [each for each in self._selected if not self._has_finished(each)]
        if missing:
            counted = f"{len(missing)} of {len(self._selected)} selected tests did not finish"
            said = not stopped_by or any(stopped_by in each for each in reasons)
            reasons.append(counted if said else f"{counted}: {stopped_by}")
        return reasons

    def _has_finished(self, node_id: str) -> bool:
        record = self._records.get(node_id)
        return record is not None and record.has_result and node_id in self._finished


_EXITS = {
    2: "pytest was interrupted",
    3: "pytest had an internal error",
    4: "pytest could not use its arguments or its configuration",
}


def one_line(text: str) -> str:
    """The line of a failure's text that names its cause."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line[1:].strip() for line in lines if line.startswith("E ")]
    if causes:
        chosen = causes[-1]
    elif lines and re.search(r":\d+: \w+$", lines[-1]):
        chosen = lines[-1]
    else:
        chosen = lines[0] if lines else ""
    return chosen[:_LONGEST_MESSAGE]


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Put the document at `path`, whole or not at all. Raises OSError."""
    if path.exists() and not path.is_file():
        # A rename would put a file in the place of a device: root may do that to /dev/null.
        raise FileExistsError(errno.EEXIST, "it is not a regular file", str(path))
    temporary = path.with_name(f".nadia-{os.getpid()}.tmp")
    try:
        temporary.write_text(_valid(json.dumps(document, ensure_ascii=False)), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _valid(text: str) -> str:
    """Spell out what UTF-8 cannot hold, such as the bytes of a file name that is not UTF-8."""
    return _LONE_SURROGATE.sub(lambda found: rf"\\u{ord(found[0]):04x}", text)
