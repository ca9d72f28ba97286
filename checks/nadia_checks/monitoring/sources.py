"""The monitoring files of a project, taken apart once for all rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nadia_checks.monitoring import dashboards, files, rule_files
from nadia_checks.monitoring.documents import BrokenDocument, Place, read_json, read_yaml
from nadia_checks.monitoring.expressions import Expression, Panel
from nadia_checks.monitoring.promql import BadExpression, parse
from nadia_checks.monitoring.templates import is_templated_file

if TYPE_CHECKING:
    from nadia_checks.core.project import Project
    from nadia_checks.monitoring.files import File


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or an expression of it, that cannot be read; `what` follows the file's name."""

    file: File
    line: int
    what: str


@dataclass(slots=True)
class Sources:
    """What the files hold; `templates` are made into other files first, and are not judged."""

    files: list[File] = field(default_factory=list)
    templates: list[File] = field(default_factory=list)
    alerts: list[Expression] = field(default_factory=list)
    records: list[Expression] = field(default_factory=list)
    queries: list[Expression] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def expressions(self) -> list[Expression]:
        return [*self.alerts, *self.records, *self.queries]

    @property
    def recorded(self) -> set[str]:
        """The names that recording rules give."""
        return {one.name.removeprefix("rule ") for one in self.records}


def read(project: Project) -> Sources:
    """Every monitoring file of the project.

    Raises:
        CheckError: a configured file is missing, a file cannot be read, or a library is missing.
    """
    sources = Sources()
    for file in files.find(project):
        try:
            _read_file(sources, file)
            sources.files.append(file)
        except BrokenDocument as error:
            if is_templated_file(file.text):
                sources.templates.append(file)
            else:
                problem = Problem(file, error.line, f"cannot be read: {error.problem}")
                sources.problems.append(problem)
    return sources


def _read_file(sources: Sources, file: File) -> None:
    if file.kind == files.DASHBOARD:
        _read_dashboard(sources, file)
        return
    documents = read_yaml(file.text)
    if file.kind == files.RULES:
        _read_rules(sources, file, documents)


def _read_rules(sources: Sources, file: File, documents: list[Place]) -> None:
    rules = [rule for document in documents for rule in rule_files.rules(document)]
    if not rules and file.named:
        sources.problems.append(Problem(file, 1, "holds no rule: groups, rules and expr expected"))
    for rule in rules:
        into = sources.alerts if rule.alert else sources.records
        if rule.expression is None:
            sources.problems.append(Problem(file, rule.line, f"holds {rule.name} without expr"))
        else:
            _add(sources, into, file, rule.name, rule.expression)


def _read_dashboard(sources: Sources, file: File) -> None:
    for panel in dashboards.panels(read_json(file.text)):
        sources.panels.append(Panel(file, panel.title, panel.type, panel.line))
        for query in panel.queries:
            _add(sources, sources.queries, file, f"panel {panel.title}", query)


def _add(sources: Sources, into: list[Expression], file: File, name: str, place: Place) -> None:
    text = place.value if isinstance(place.value, str) else ""
    try:
        into.append(Expression(file, name, text, place, parse(text)))
    except BadExpression as error:
        problem = Problem(file, place.line, f"holds {name} whose PromQL is wrong: {error}")
        sources.problems.append(problem)
