"""Bandit's reports as findings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nadia_checks.core.project import Project
    from nadia_checks.security.bandit import Issue, Report, Unparsable

ASSERT = "B101"
# Hard-coded passwords: bandit prints them.
PASSWORDS = ("B105", "B106", "B107")


def drafts(
    reports: Iterable[Report], project: Project, is_test: Callable[[str], bool]
) -> list[Draft]:
    """`is_test` says of a path whether assert is what it is made of."""
    return [draft for report in reports for draft in _of_report(report, project, is_test)]


def _of_report(report: Report, project: Project, is_test: Callable[[str], bool]) -> Iterator[Draft]:
    for issue in report.results:
        if not (issue.test_id == ASSERT and is_test(os.path.normpath(issue.filename))):
            yield _draft(issue, project)
    for unparsable in report.errors:
        yield _unparsable(unparsable, project)


def _draft(issue: Issue, project: Project) -> Draft:
    secret = issue.test_id in PASSWORDS
    text = issue.issue_text.partition(":")[0] if secret else issue.issue_text
    return Draft(
        rule=f"bandit:{issue.test_id}",
        message=f"[{issue.issue_severity.lower()}] {' '.join(text.split())}",
        help=f"repair it, or once reviewed add '# nosec {issue.test_id}' and why: "
        f"{issue.more_info}",
        path=project.relative(issue.filename),
        line=issue.line_number,
        column=issue.col_offset + 1,
        end_line=max(issue.line_range, default=issue.line_number),
        content="" if secret else None,
    )


def _unparsable(unparsable: Unparsable, project: Project) -> Draft:
    return Draft(
        rule="bandit:unparsable",
        message=f"bandit cannot judge this file: {unparsable.reason}",
        help="repair the file, or exclude it in bandit's settings",
        path=project.relative(unparsable.filename),
        content="",
    )
