"""`[tool.nadia]` at the end of pyproject.toml; what stands there already is kept as it is."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nadia_checks.adoption.change import Change, decode, line_ending, read_bytes
from nadia_checks.core.errors import UsageError
from nadia_checks.core.project import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `[tool.nadia]` will say.

    `left_out` are the checks that apply and could not run, each with the reason; `in_one_process`
    turns pytest-xdist off. The floors are whole percents, None where nothing was measured.
    """

    checks: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)
    in_one_process: bool = False
    line_floor: int | None = None
    branch_floor: int | None = None

    def table(self) -> dict[str, Any]:
        """As `tomllib` reads it."""
        packages = {"packages": self.packages} if self.packages else {}
        pytest = {"pytest": self.pytest_table()} if self.pytest_table() else {}
        return {"checks": self.checks, **packages, **pytest}

    def pytest_table(self) -> dict[str, int]:
        values = {
            "workers": 0 if self.in_one_process else None,
            "line_floor": self.line_floor,
            "branch_floor": self.branch_floor,
        }
        return {key: value for key, value in values.items() if value is not None}


COMMENTS = {
    "workers": 'tests run in one process; where they bear it, "auto" runs one worker a core',
    "line_floor": "percent; today's value rounded down, at most the default: raise it",
    "branch_floor": "percent; as above",
}


def pyproject_change(root: Path, settings: Settings) -> Change:
    """The change that adds the table.

    Raises:
        UsageError: the table cannot be added to this file.
    """
    path = root / "pyproject.toml"
    before = read_bytes(path)
    return Change(path, before, add_table(decode(before, path), settings).encode())


def add_table(text: str, settings: Settings) -> str:
    """The text with the table at its end, in the line endings that it has.

    Raises:
        UsageError: TOML does not allow the table there.
    """
    newline = line_ending(text)
    added = newline.join(_lines(settings)) + newline
    after = text + _gap(text, newline) + added
    if not _added_only(text, after, settings.table()):
        raise UsageError(
            "pyproject.toml: a table [tool.nadia] cannot be added at its end (is 'tool' an inline "
            "table?): write [tool] as a table of its own, then run nadia init again"
        )
    return after


def _gap(text: str, newline: str) -> str:
    if not text:
        return ""
    ended = text.endswith(("\n", "\r"))
    blank = text.endswith(("\n\n", "\n\r\n"))
    return "" if blank else newline if ended else newline * 2


def _lines(settings: Settings) -> Iterator[str]:
    yield "[tool.nadia]"
    yield f"checks = {json.dumps(settings.checks, ensure_ascii=False)}"
    for name, reason in settings.left_out.items():
        yield f'# "{name}" could not run and is left out: {printable(reason)}'
    if settings.packages:
        yield f"packages = {json.dumps(settings.packages, ensure_ascii=False)}"
    if table := settings.pytest_table():
        yield ""
        yield "[tool.nadia.pytest]"
        for key, value in table.items():
            yield f"{key} = {value}  # {COMMENTS[key]}"


def _added_only(before: str, after: str, table: dict[str, Any]) -> bool:
    try:
        expected, found = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        return False
    expected.setdefault("tool", {})["nadia"] = table
    return bool(expected == found)
