"""An expression of a rule file or a dashboard, with the place at which it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nadia_checks.core.project import printable
from nadia_checks.monitoring.promql import selectors

if TYPE_CHECKING:
    from promql_parser import Expr

    from nadia_checks.monitoring.documents import Place
    from nadia_checks.monitoring.files import File
    from nadia_checks.monitoring.promql import Selector


@dataclass(frozen=True, slots=True)
class Expression:
    """`name` says whose it is: "alert RedisDown", "rule job:x:rate5m", "panel Memory".

    `parsed` is None where a template leaves nothing to judge.
    """

    file: File
    name: str
    text: str
    place: Place
    parsed: Expr | None

    @property
    def path(self) -> str:
        return printable(self.file.name)

    @property
    def selectors(self) -> list[Selector]:
        return selectors(self.parsed) if self.parsed else []

    def line_of(self, word: str) -> int:
        """The line on which a word of the expression stands; where there is none, its first."""
        pattern = re.compile(rf"(?<![\w:]){re.escape(word)}(?![\w:])")
        lines = self.file.text.splitlines()
        for number in range(self.place.line, self.place.end_line + 1):
            if number <= len(lines) and pattern.search(lines[number - 1]):
                return number
        return self.place.line


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a dashboard; `line` is where its type stands."""

    file: File
    title: str
    type: str
    line: int

    @property
    def path(self) -> str:
        return printable(self.file.name)
