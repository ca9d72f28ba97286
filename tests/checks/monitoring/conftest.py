"""Projects of a few files, looked at by the check `monitoring`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import pytest

from nadia_checks.core.check import Context, Draft, Outcome
from nadia_checks.core.project import load_project
from nadia_checks.monitoring.check import MonitoringCheck
from nadia_checks.registry import CHECK_NAMES

if TYPE_CHECKING:
    from pathlib import Path

Files = dict[str, str | bytes]
Place = tuple[str, int, str]


class Look(Protocol):
    def __call__(self, files: Files, settings: str = "") -> Outcome: ...


@pytest.fixture
def look(make_project: Callable[[Files], Path], tmp_path: Path) -> Look:
    """Runs the check on these files; `settings` are lines of [tool.nadia.monitoring]."""

    def run(files: Files, settings: str = "") -> Outcome:
        table = f"[tool.nadia.monitoring]\n{settings}\n"
        project = load_project(make_project({"pyproject.toml": table, **files}), CHECK_NAMES)
        check = MonitoringCheck()
        assert check.not_applicable(project) == ""
        return check.run(Context(project=project, scratch=tmp_path))

    return run


@pytest.fixture
def found(look: Look) -> Callable[..., list[Place]]:
    """Gives path, line and severity of every finding of one rule; no other rule may have any."""

    def run(rule: str, files: Files, settings: str = "") -> list[Place]:
        drafts = look(files, settings).drafts
        assert {draft.rule for draft in drafts} <= {rule}, [draft.message for draft in drafts]
        return [(draft.path, draft.line, str(draft.severity)) for draft in drafts]

    return run


@pytest.fixture
def only(look: Look) -> Callable[..., Draft]:
    """Gives the one finding that there is."""

    def run(files: Files, settings: str = "") -> Draft:
        [draft] = look(files, settings).drafts
        return draft

    return run
