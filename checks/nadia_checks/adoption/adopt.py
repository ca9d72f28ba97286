"""Looks at a repository and decides what adoption writes; writes nothing itself."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nadia_checks.adoption import hooks, trial
from nadia_checks.adoption.attributes import attributes_change
from nadia_checks.adoption.change import Change, decode, read_bytes
from nadia_checks.adoption.collection import Collection, collect
from nadia_checks.adoption.entries import baseline_changes, kept_and_new
from nadia_checks.adoption.precommit import FILE, precommit_change, read_config
from nadia_checks.adoption.pyproject import Settings, pyproject_change
from nadia_checks.adoption.xdist import uses_xdist
from nadia_checks.core import baseline, git
from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.core.packages import find_packages
from nadia_checks.pytest.ignored_configuration import ignored_settings
from nadia_checks.registry import load_check, load_checks
from nadia_checks.secrets.salt import SALT, read_salt

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from nadia_checks.core.check import Draft
    from nadia_checks.core.project import Project
    from nadia_checks.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is seen without running anything: `ignored` are settings that pytest does not read."""

    ignored: list[Draft]
    hook_notes: list[str]
    changes: list[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What will be written, and the run that it comes from."""

    settings: Settings
    verdict: Verdict
    changes: list[Change]
    entries: list[baseline.Entry] = field(default_factory=list)


def look(project: Project) -> Look:
    """What adoption changes beside the configuration and the baseline.

    Raises:
        UsageError: a file cannot be read, or cannot be changed safely.
    """
    top = git.toplevel(project.root)
    folder = os.path.relpath(project.root, top)
    changes = (
        precommit_change(top, "" if folder == "." else folder),
        attributes_change(project.root),
    )
    path = top / FILE
    config = read_config(decode(read_bytes(path), path))
    return Look(
        ignored=ignored_settings(project.root),
        hook_notes=[*hooks.broken(config, top), *hooks.overlapping(config)],
        changes=[change for change in changes if change],
    )


def planned_paths(project: Project, seen: Look) -> list[Path]:
    """The files that adoption may write."""
    own = ("pyproject.toml", *baseline.FILES)
    return [*(change.path for change in seen.changes), *(project.root / name for name in own)]


def collect_tests(project: Project) -> Collection | None:
    """What pytest collects, None where the check `pytest` has nothing to do."""
    return None if load_check("pytest").not_applicable(project) else collect(project)


def first_settings(project: Project, collection: Collection | None) -> Settings:
    """What can be said before anything ran."""
    return Settings(
        packages=find_packages(project),
        in_one_process=collection is not None and not uses_xdist(project),
    )


def adopt(project: Project, settings: Settings, stream: TextIO) -> Adoption:
    """Runs the gate once, and decides from that what is written.

    Raises:
        UsageError: a file that is there cannot be used.
    """
    salt, salt_changes = _salt(project.root)
    verdict = trial.run_trial(project, settings.table(), salt, stream)
    left_out = trial.could_not_run(verdict)
    ran = [one.name for one in verdict.checks if one.status in ("pass", "fail")]
    final = replace(
        settings,
        checks=ran,
        left_out=left_out,
        in_one_process=settings.in_one_process and "pytest" in ran,
        line_floor=trial.line_floor(verdict),
        branch_floor=trial.branch_floor(verdict),
    )
    entries = kept_and_new(verdict, baseline.read(project.root), load_checks())
    changes = [
        pyproject_change(project.root, final),
        *(salt_changes if "secrets" in ran else []),
        *baseline_changes(project.root, entries),
    ]
    return Adoption(settings=final, verdict=verdict, changes=changes, entries=entries)


def _salt(root: Path) -> tuple[bytes, list[Change]]:
    """The salt, and the change that writes it where there is none."""
    try:
        if salt := read_salt(root):
            return salt, []
    except CheckError as error:
        raise UsageError(str(error)) from None
    salt = secrets.token_bytes(16)
    return salt, [Change(root / SALT, None, f"{salt.hex()}\n".encode())]
