"""Which files of a project are Prometheus rules, rule tests and Grafana dashboards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nadia_checks.core.errors import CheckError
from nadia_checks.core.globs import matcher
from nadia_checks.core.project import printable

if TYPE_CHECKING:
    from nadia_checks.core.project import Project

YAML = (".yml", ".yaml", ".rules")
JSON = (".json",)
RULES, RULE_TESTS, DASHBOARD = "rules", "rule tests", "dashboard"
# Bytes; no rule file or dashboard is as large.
LARGE = 8 << 20
# Files there are examples of what is wrong, or somebody else's.
ELSEWHERE = matcher(
    f"**/{folder}/**"
    for folder in (
        *("tests", "test", "testdata", "fixtures"),
        *("node_modules", "vendor", "site-packages"),
    )
)
_IN_RULES = [
    re.compile(rf"(?:^|[{{,])[ \t]*(?:- +)*\{{?[ \t]*[\"']?{key}[\"']?\s*:", re.M)
    for key in ("groups", "(?:alert|record)", "expr")
]
_IN_RULE_TESTS = [re.compile(rf"^{key}\s*:", re.M) for key in ("rule_files", "tests")]
_IN_DASHBOARD = [
    re.compile(r'"(?:panels|rows)"\s*:\s*\['),
    re.compile(r'"(?:targets|gridPos|schemaVersion|fieldConfig|datasource)"\s*:'),
]


@dataclass(frozen=True, slots=True)
class File:
    """`name` is relative to the project; `kind` is one of the three above.

    `named` says that the configuration names the file, instead of its content alone.
    """

    kind: str
    name: str
    text: str
    named: bool = False


def find(project: Project) -> list[File]:
    """Every such file: those that the configuration names, or those found by their content.

    Raises:
        CheckError: a configured file is missing, is none of these, or a file cannot be read.
    """
    configured = project.config.monitoring.paths
    return _configured(project, configured) if configured else _by_content(project)


def _configured(project: Project, globs: list[str]) -> list[File]:
    found: dict[str, File] = {}
    for glob in globs:
        matches = matcher([glob])
        names = [name for name in project.files if matches(name)]
        if not names:
            raise CheckError(
                f"paths of [tool.nadia.monitoring] names {glob!r}, and no file is there: "
                "correct it or remove it"
            )
        found |= {name: _named(project, name) for name in names}
    return list(found.values())


def _named(project: Project, name: str) -> File:
    text = read_text(project, name)
    kind = _kind(name, text) or (RULES if name.endswith(YAML) else "")
    if not kind and not name.endswith(JSON):
        raise CheckError(
            f"{printable(name)} is neither YAML nor JSON: let paths of [tool.nadia.monitoring] "
            "name rule files and dashboards only"
        )
    return File(kind or DASHBOARD, name, text, named=True)


def _by_content(project: Project) -> list[File]:
    excluded = matcher(project.config.monitoring.exclude)
    found = []
    for name in project.files:
        if name.endswith((*YAML, *JSON)) and not ELSEWHERE(name) and not excluded(name):
            small = (project.root / name).stat().st_size <= LARGE
            text = read_text(project, name) if small else ""
            if kind := _kind(name, text):
                found.append(File(kind, name, text))
    return found


def _kind(name: str, text: str) -> str:
    if name.endswith(JSON):
        return DASHBOARD if _holds(_IN_DASHBOARD, text) else ""
    if _holds(_IN_RULES, text):
        return RULES
    return RULE_TESTS if _holds(_IN_RULE_TESTS, text) else ""


def _holds(patterns: list[re.Pattern[str]], text: str) -> bool:
    return all(pattern.search(text) for pattern in patterns)


def read_text(project: Project, name: str) -> str:
    """The text of a file of the project.

    Raises:
        CheckError: it cannot be read.
    """
    try:
        return (project.root / name).read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise CheckError(f"{printable(name)} cannot be read: {error.strerror}") from None
