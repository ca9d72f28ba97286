"""What a check is, what it is given and what it gives back."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pytest_nadia.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nadia_checks.core.config import CheckOptions
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding


MOST_PLACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A finding without its fingerprint.

    `content` is what the fingerprint is made from; None takes the text of `line` in `path` and
    the function or class around it. `fingerprint` overrides both (a secret's is keyed).
    """

    rule: str
    message: str
    help: str
    path: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    severity: Severity = Severity.ERROR
    content: str | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a check that ran to its end found; `metrics` say how much it looked at.

    `unseen` names the files and folders about which no more could be told than is in the drafts (a
    module that cannot be imported hides its tests). What the baseline knows there is not called
    repaired.
    """

    drafts: list[Draft]
    metrics: dict[str, float] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a check is given; its process is ended after `time_limit` seconds.

    `scratch` is an empty folder that is removed afterwards. In a `preview` nothing may be written
    into the project and no code of it be run to its end.
    """

    project: Project
    scratch: Path
    time_limit: float = 600
    preview: bool = False


class Check(Protocol):
    # One word: the check, its command, its table in the configuration, its folder, its page.
    name: str
    # What it does, in half a line, for --help and the list of checks.
    summary: str
    # The rules that it may give: whole names ("NAD301") or prefixes that end in a colon ("ruff:").
    rules: tuple[str, ...]

    # The check's own table of the configuration.
    def options(self, project: Project) -> CheckOptions: ...

    # Why it has nothing to do in this project, or "" when it applies.
    def not_applicable(self, project: Project) -> str: ...

    # Looks at the project; raises CheckError when it cannot run or cannot decide.
    def run(self, context: Context) -> Outcome: ...

    # One command that can be pasted and repairs, or shows, these failing findings; "" for none.
    def first_aid(self, findings: Sequence[Finding]) -> str: ...


def rules_of(findings: Sequence[Finding], prefix: str) -> list[str]:
    """The names behind the prefix, each once, sorted."""
    rules = {finding.rule for finding in findings if finding.rule.startswith(prefix)}
    return sorted(rule.removeprefix(prefix) for rule in rules)


def places(findings: Sequence[Finding]) -> str:
    """The files of the findings as words for a shell; the whole project where they are many."""
    paths = sorted({finding.path for finding in findings})
    return shlex.join(paths) if len(paths) <= MOST_PLACES else "."


def owns(check: Check, rule: str) -> bool:
    """Whether findings of `rule` come from this check."""
    return any(
        rule == name or (name.endswith(":") and rule.startswith(name)) for name in check.rules
    )
