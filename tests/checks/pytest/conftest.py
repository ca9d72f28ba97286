"""Runs the check on small projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import pytest

from nadia_checks.core.check import Context
from nadia_checks.core.project import Project, load_project
from nadia_checks.pytest.check import PytestCheck
from nadia_checks.registry import CHECK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Draft, Outcome

APP = """\
def sign(number):
    if number < 0:
        return "-"
    return "+"
"""
TEST_APP = """\
from app import sign

def test_positive():
    assert sign(1) == "+"

def test_negative():
    assert sign(-1) == "-"
"""


class RunCheck(Protocol):
    def __call__(
        self, files: dict[str, str | bytes], *, preview: bool = False, **options: Any
    ) -> Outcome: ...


@pytest.fixture
def app() -> dict[str, str | bytes]:
    """A package all of whose lines and branches are tested."""
    return {
        "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
        "app/__init__.py": APP,
        "tests/test_app.py": TEST_APP,
    }


@pytest.fixture
def make_loaded(make_project: Callable[[dict[str, str | bytes]], Path]) -> Callable[..., Project]:
    """The project of these files; options are those of `[tool.nadia.pytest]`."""

    def make(files: dict[str, str | bytes], **options: Any) -> Project:
        project = load_project(make_project(files), CHECK_NAMES)
        chosen = msgspec.structs.replace(project.config.pytest, **{"workers": 0, **options})
        config = msgspec.structs.replace(project.config, pytest=chosen)
        return Project(project.root, config, project.pyproject)

    return make


@pytest.fixture
def run_check(tmp_path: Path, make_loaded: Callable[..., Project]) -> RunCheck:
    """Runs the check, in one process unless `workers` says otherwise."""

    def run(files: dict[str, str | bytes], *, preview: bool = False, **options: Any) -> Outcome:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        project = make_loaded(files, **options)
        limit = project.config.pytest.time_limit or project.config.time_limit
        context = Context(project=project, scratch=scratch, time_limit=limit, preview=preview)
        return PytestCheck().run(context)

    return run


@pytest.fixture
def by_rule() -> Callable[[Outcome, str], list[Draft]]:
    def select(outcome: Outcome, rule: str) -> list[Draft]:
        return [draft for draft in outcome.drafts if draft.rule == rule]

    return select
