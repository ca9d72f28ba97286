"""NAD301: settings for pytest in a place where pytest does not read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.pytest.configuration_files import (
    Section,
    Source,
    find_source,
    pytest_major,
    read_sections,
    valid_sections,
)
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from pathlib import Path

RULE = Rule(
    number="NAD301",
    name="ignored-pytest-configuration",
    severity=Severity.ERROR,
    what="A file holds settings for pytest that pytest does not read.",
    why=(
        "pytest takes its settings from the first of pytest.toml, pytest.ini, pyproject.toml, "
        "tox.ini and setup.cfg that has the right section, and reads no other. Markers, test "
        "paths and strictness that stand elsewhere look as if they were in force."
    ),
    repair="Rename the section, or move its settings to the file that pytest reads.",
    bad="pytest.ini:\n    [tool:pytest]\n    testpaths = tests",
    good="pytest.ini:\n    [pytest]\n    testpaths = tests",
)


def ignored_settings(root: Path) -> list[Draft]:
    """A draft for each section in `root` that pytest ignores, with a two-line repair."""
    major = pytest_major()
    sections = read_sections(root, major)
    source = find_source(root, sections, major)
    drafts = (_judge(section, source, major) for section in sections if section.settings)
    return [draft for draft in drafts if draft]


def _judge(section: Section, source: Source | None, major: int) -> Draft | None:
    if source and section.file != source.file:
        return _outranked(section, source, major)
    if section.valid:
        return None
    right = next(iter(valid_sections(section.file, major)), "")
    if not right:
        return _unknown_file(section, major)
    return _draft(
        section,
        f"pytest does not read [{section.name}] in {section.file}",
        f"in {section.file}, rename the section\n[{section.name}] to [{right}]",
    )


def _outranked(section: Section, source: Source, major: int) -> Draft:
    right = valid_sections(source.file, major)[0]
    return _draft(
        section,
        f"pytest does not read [{section.name}] in {section.file}: {source.file} goes first",
        f"move the settings to [{right}] in {source.file}\n"
        f"and remove [{section.name}] from {section.file}",
    )


def _unknown_file(section: Section, major: int) -> Draft:
    return _draft(
        section,
        f"pytest {major} does not read {section.file}",
        "install pytest 9 or newer\nor move the settings to [pytest] in pytest.ini",
    )


def _draft(section: Section, message: str, repair: str) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=RULE.severity,
        path=section.file,
        line=section.line,
        content=f"[{section.name}]",
        message=message,
        help=repair,
    )
