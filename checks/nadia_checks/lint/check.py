"""The check `lint`: ruff's rules and ruff's formatting."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from nadia_checks.core.check import Outcome, places, rules_of
from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import INSTALL
from nadia_checks.lint import findings
from nadia_checks.lint.ruff import Ruff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import LintOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding

SUFFIXES = (".py", ".pyi", ".ipynb")
FORMAT = "ruff:format"
MOST_RULES = 5


class LintCheck:
    name = "lint"
    summary = "ruff: its rules and its formatting"
    rules = ("ruff:",)

    def options(self, project: Project) -> LintOptions:
        return project.config.lint

    def not_applicable(self, project: Project) -> str:
        has_python = any(name.endswith(SUFFIXES) for name in project.files)
        return "" if has_python else "there is no Python file"

    def run(self, context: Context) -> Outcome:
        """Raises:
        CheckError: ruff is missing, failed, or looked at no file.
        """
        if find_spec("ruff") is None:
            raise CheckError(f"ruff is not installed: {INSTALL}")
        ruff = Ruff(context)
        looked_at = ruff.file_count()
        if not looked_at:
            raise CheckError(
                "ruff looks at none of the project's Python files: "
                "its settings exclude all of them (see `ruff check --show-files`)"
            )
        diagnostics = ruff.check()
        drafts = findings.linted(diagnostics, context.project)
        if self.options(context.project).format:
            drafts += findings.unformatted(ruff.format(), diagnostics, context.project)
        return Outcome(drafts=drafts, metrics={"files": looked_at})

    def first_aid(self, findings: Sequence[Finding]) -> str:
        unformatted = [one for one in findings if one.rule == FORMAT]
        broken = [one for one in findings if one.rule != FORMAT]
        steps = []
        if broken:
            steps.append(f"ruff check --fix{_only(broken)} {places(broken)}")
        if unformatted:
            steps.append(f"ruff format {places(unformatted)}")
        return " ; ".join(steps)


def _only(findings: Sequence[Finding]) -> str:
    """So that what the baseline knows in the same files stays as it is."""
    rules = rules_of(findings, "ruff:")
    named = len(rules) <= MOST_RULES and "invalid-syntax" not in rules
    return f" --select {','.join(rules)}" if named else ""
