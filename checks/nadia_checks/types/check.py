"""The check `types`: mypy, as the project configures it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nadia_checks.core.check import Outcome
from nadia_checks.core.errors import CheckError
from nadia_checks.core.packages import find_packages
from nadia_checks.core.process import INSTALL, python_module, run_program
from nadia_checks.types import findings
from nadia_checks.types.config import MypyConfig, find_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import TypesOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding


class TypesCheck:
    name = "types"
    summary = "mypy, where the project configures it"
    rules = ("mypy:",)

    def options(self, project: Project) -> TypesOptions:
        return project.config.types

    def not_applicable(self, project: Project) -> str:
        return "" if find_config(project) else "no mypy configuration"

    def run(self, context: Context) -> Outcome:
        """Raises:
        CheckError: mypy is missing, failed, or found nothing to check.
        """
        if find_spec("mypy") is None:
            raise CheckError(f"mypy is not installed: {INSTALL}")
        config = find_config(context.project)
        if config is None:
            raise CheckError("no mypy configuration: add [tool.mypy] to pyproject.toml")
        argv = python_module("mypy", *_arguments(context, config))
        done = run_program(argv, cwd=context.project.root)
        drafts = findings.drafts(done, context.project, config.file)
        return Outcome(drafts=drafts)

    def first_aid(self, findings: Sequence[Finding]) -> str:
        return "mypy" if findings else ""


def _arguments(context: Context, config: MypyConfig) -> list[str]:
    project = context.project
    arguments = ["--output=json", "--no-error-summary", "--no-pretty"]
    arguments += ["--show-column-numbers", "--show-error-end", f"--config-file={config.file}"]
    if context.preview or not os.access(project.root, os.W_OK):
        arguments.append(f"--cache-dir={context.scratch / 'mypy'}")
    arguments += project.config.types.args
    return arguments if config.has_targets else [*arguments, "--", *_targets(project)]


def _targets(project: Project) -> list[str]:
    return [f"./{name}" for name in find_packages(project)] or ["."]
