"""The files from which pytest may take its settings, read without starting pytest.

Order and section names are those of `_pytest/config/findpaths.py` of pytest 9; older ones know
neither pytest.toml nor the table `[tool.pytest]`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from iniconfig import IniConfig, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INI_OPTIONS = "tool.pytest.ini_options"
# Whatever they hold, pytest looks no further.
ALWAYS_READ = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
ORDER = (*ALWAYS_READ, "pyproject.toml", "tox.ini", "setup.cfg")
# The names under which people write pytest's settings, the right ones among them.
SECTIONS = ("pytest", "tool:pytest", "tool.pytest", INI_OPTIONS)


@dataclass(frozen=True, slots=True)
class Section:
    """A section that looks like pytest's; `valid` when pytest reads that name in its file."""

    file: str
    name: str
    line: int
    settings: dict[str, Any]
    valid: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A file that pytest takes as its configuration if no earlier one is there."""

    file: str
    sections: list[Section]

    @property
    def settings(self) -> dict[str, Any]:
        valid = (section.settings for section in self.sections if section.valid)
        return {key: value for settings in valid for key, value in settings.items()}


def pytest_major() -> int:
    return int(metadata.version("pytest").partition(".")[0])


def valid_sections(file: str, major: int) -> tuple[str, ...]:
    """The sections of a file that this pytest reads, the one to recommend first."""
    if file in ("pytest.toml", ".pytest.toml"):
        return ("pytest",) if major >= 9 else ()
    if file == "pyproject.toml":
        return (INI_OPTIONS, "tool.pytest") if major >= 9 else (INI_OPTIONS,)
    return ("tool:pytest",) if file == "setup.cfg" else ("pytest",)


def read_sections(root: Path, major: int) -> list[Section]:
    """All sections that look like pytest's, valid or not, in the order in which files count.

    A file that cannot be parsed is left to pytest, which names the line.
    """
    return [
        Section(file, name, line, settings, name in valid_sections(file, major))
        for file in ORDER
        for name, line, settings in _sections_of(root / file)
    ]


def find_source(root: Path, sections: list[Section], major: int) -> Source | None:
    """The file of this folder that pytest takes, or None."""
    for file in ORDER:
        own = [section for section in sections if section.file == file]
        always = file in ALWAYS_READ and bool(valid_sections(file, major))
        if any(section.valid for section in own) or (always and (root / file).is_file()):
            return Source(file, own)
    return None


def read_settings(root: Path) -> dict[str, Any]:
    """The settings that pytest reads in this folder, as they are written."""
    major = pytest_major()
    source = find_source(root, read_sections(root, major), major)
    return source.settings if source else {}


def as_list(value: object) -> list[str]:
    """A setting that is a list, or words in a string."""
    return [str(word) for word in value] if isinstance(value, list) else str(value or "").split()


def _sections_of(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    tables = _toml_tables(text) if path.suffix == ".toml" else _ini_tables(path, text)
    for name, settings in tables.items():
        yield name, _line_of(text, name), settings


def _toml_tables(text: str) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    tool = document.get("tool")
    tool_pytest = tool.get("pytest") if isinstance(tool, dict) else None
    tables = {name: document.get(name) for name in ("pytest", "tool:pytest")}
    if isinstance(tool_pytest, dict):
        tables[INI_OPTIONS] = tool_pytest.get("ini_options")
        native = {key: value for key, value in tool_pytest.items() if key != "ini_options"}
        tables["tool.pytest"] = native or None
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _ini_tables(path: Path, text: str) -> dict[str, dict[str, Any]]:
    try:
        parsed = IniConfig(str(path), data=text)
    except ParseError:
        return {}
    return {name: dict(parsed[name].items()) for name in SECTIONS if name in parsed}


def _line_of(text: str, name: str) -> int:
    """The line of the section's head; 1 where the table is written in another way."""
    head = re.compile(rf"\s*\[\s*\"?{re.escape(name)}\"?\s*\]")
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if head.match(line)), 1)
