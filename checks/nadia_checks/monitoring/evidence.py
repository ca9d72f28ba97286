"""All that the rules look at; each part is read when the first rule asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nadia_checks.monitoring import exported, sources
from nadia_checks.monitoring.code import Code

if TYPE_CHECKING:
    from nadia_checks.core.config import MonitoringOptions
    from nadia_checks.core.project import Project
    from nadia_checks.monitoring.exported import Exports
    from nadia_checks.monitoring.sources import Sources


@dataclass(frozen=True)
class Evidence:
    """The project, its monitoring files and its code."""

    project: Project

    @property
    def options(self) -> MonitoringOptions:
        return self.project.config.monitoring

    @cached_property
    def sources(self) -> Sources:
        return sources.read(self.project)

    @cached_property
    def code(self) -> Code:
        return Code(self.project)

    @cached_property
    def exports(self) -> Exports:
        return exported.read(self.code)
