"""The check `security`: bandit over the project's Python files."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from nadia_checks.core.check import Outcome, places, rules_of
from nadia_checks.core.errors import CheckError
from nadia_checks.core.globs import matcher
from nadia_checks.core.process import INSTALL
from nadia_checks.security import bandit, findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import SecurityOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding

UNPARSABLE = "bandit:unparsable"


class SecurityCheck:
    name = "security"
    summary = "bandit: what an attacker could use in Python code"
    rules = ("bandit:",)

    def options(self, project: Project) -> SecurityOptions:
        return project.config.security

    def not_applicable(self, project: Project) -> str:
        return "" if project.python_files else "there is no Python file"

    def run(self, context: Context) -> Outcome:
        """Raises:
        CheckError: bandit is missing, failed, or looked at no file.
        """
        if find_spec("bandit") is None:
            raise CheckError(f"bandit is not installed: {INSTALL}")
        reports = bandit.scan(context)
        looked_at = sum(report.file_count for report in reports)
        if not looked_at:
            raise CheckError(
                "bandit looks at none of the project's Python files: "
                "its settings exclude all of them (exclude_dirs of [tool.bandit], or .bandit)"
            )
        is_test = matcher(self.options(context.project).test_paths)
        drafts = findings.drafts(reports, context.project, is_test)
        return Outcome(drafts=drafts, metrics={"files": looked_at})

    def first_aid(self, findings: Sequence[Finding]) -> str:
        judged = [one for one in findings if one.rule != UNPARSABLE]
        where = places(judged)
        target = "-r ." if where == "." else where
        return f"bandit -t {','.join(rules_of(judged, 'bandit:'))} {target}" if judged else ""
