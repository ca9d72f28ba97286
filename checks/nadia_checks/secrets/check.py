"""The check `secrets`: detect-secrets over the tracked files, without any network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft, Outcome
from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import printable
from nadia_checks.secrets.files import LARGE, select
from nadia_checks.secrets.salt import read_salt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import SecretsOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding


class SecretsCheck:
    name = "secrets"
    summary = "detect-secrets: credentials in tracked files"
    rules = ("detect-secrets:",)

    def options(self, project: Project) -> SecretsOptions:
        return project.config.secrets

    def not_applicable(self, project: Project) -> str:
        return "" if project.tracked else "git tracks no file here"

    def run(self, context: Context) -> Outcome:
        """Raises:
        CheckError: a file, the salt or the settings cannot be read, or nothing was read at all.
        """
        # Importing detect-secrets takes longer than `nadia --help` may.
        from nadia_checks.secrets.scan import Job, scan
        from nadia_checks.secrets.settings import read_settings

        project = context.project
        selection = select(project, self.options(project).exclude)
        settings = read_settings(project.root, run_project_code=not context.preview)
        job = Job(str(project.root), settings, project.salt or read_salt(project.root))
        scanned = scan(job, selection.scanned)
        if not scanned.files and project.tracked:
            raise CheckError(
                "none of the tracked files was read: exclude of [tool.nadia.secrets], "
                "or the filters of detect-secrets, leave out all of them"
            )
        return Outcome(
            drafts=scanned.drafts + [_too_large(name) for name in selection.large],
            metrics={
                "files": scanned.files,
                "bytes": scanned.bytes,
                "binary": scanned.binary,
                "skipped_large": len(selection.large),
            },
        )

    def first_aid(self, findings: Sequence[Finding]) -> str:
        """A secret is revoked where it was issued; no command here can do that."""
        return ""


def _too_large(name: str) -> Draft:
    return Draft(
        rule="detect-secrets:not-scanned",
        message=f"larger than {LARGE >> 20} MiB: not scanned for secrets",
        help="if it holds data, name it in exclude of [tool.nadia.secrets]",
        path=printable(name),
        content="",
    )
