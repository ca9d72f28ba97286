"""The check `monitoring`: alert rules, dashboards, units, crontabs and variables, read, not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.check import Outcome
from nadia_checks.core.errors import CheckError
from nadia_checks.monitoring import (
    broken_file,
    command_lines,
    deprecated_panel,
    division_by_zero,
    environment_drift,
    environment_names,
    files,
    missing_program,
    silent_when_gone,
    threshold_drift,
    unknown_metric,
)
from nadia_checks.monitoring.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.check import Context
    from nadia_checks.core.config import MonitoringOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding

RULE_MODULES = (
    broken_file,
    unknown_metric,
    threshold_drift,
    division_by_zero,
    silent_when_gone,
    deprecated_panel,
    missing_program,
    environment_drift,
)


class MonitoringCheck:
    name = "monitoring"
    summary = "alerts, dashboards, scheduled programs and variables that fit the code"
    rules = tuple(module.RULE.number for module in RULE_MODULES)

    def options(self, project: Project) -> MonitoringOptions:
        return project.config.monitoring

    def not_applicable(self, project: Project) -> str:
        if project.config.monitoring.paths or project.config.monitoring.thresholds:
            return ""
        if command_lines.files(project) or environment_names.example_files(project):
            return ""
        try:
            if files.find(project):
                return ""
        except CheckError:
            return ""  # running says what cannot be read
        return "there are no alert rules, dashboards, systemd units, crontabs or .env.example"

    def run(self, context: Context) -> Outcome:
        """Raises:
        CheckError: a file cannot be read, a configured one is missing, or a library is.
        """
        evidence = Evidence(context.project)
        drafts = [draft for module in RULE_MODULES for draft in module.find(evidence)]
        sources = evidence.sources
        return Outcome(
            drafts=drafts,
            metrics={
                "files": len(sources.files) + len(command_lines.files(context.project)),
                "alerts": len(sources.alerts),
                "panels": len(sources.panels),
                "templates_skipped": len(sources.templates),
            },
        )

    def first_aid(self, findings: Sequence[Finding]) -> str:
        """What repairs them is a decision: which of two numbers or names is the right one."""
        return ""
