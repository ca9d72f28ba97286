"""What promtool says of rule files and of their tests, where it is installed.

https://prometheus.io/docs/prometheus/latest/command-line/promtool/
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import run_program
from nadia_checks.core.project import printable
from nadia_checks.monitoring import files
from nadia_checks.monitoring.sources import Problem
from nadia_checks.monitoring.templates import is_templated_file

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from nadia_checks.core.project import Project
    from nadia_checks.monitoring.files import File

# Seconds for one file.
TIME_LIMIT = 30.0
_KUBERNETES = re.compile(r"^apiVersion\s*:", re.M)
_LINE = re.compile(r"\bline (\d+)|: (\d+):\d+: ")


def problems(project: Project, found: Sequence[File], broken: Container[str]) -> Iterator[Problem]:
    """What promtool refuses of the files that are not known to be broken.

    Raises:
        CheckError: promtool takes longer than TIME_LIMIT.
    """
    program = shutil.which("promtool")
    if program is None:
        return
    for file in found:
        words = () if file.name in broken else _words(file)
        if words and (said := _refusal(project, file, [program, *words])):
            line = _LINE.search(said)
            number = int(line[1] or line[2]) if line else 1
            yield Problem(file, number, f"is refused by promtool {words[0]} rules: {said}")


def _words(file: File) -> tuple[str, ...]:
    """The sub-command for a file that Prometheus can load as it is."""
    name = file.name.rpartition("/")[2]
    if file.kind == files.RULE_TESTS:
        return "test", "rules", name
    plain = file.kind == files.RULES and not _KUBERNETES.search(file.text)
    return ("check", "rules", name) if plain and not is_templated_file(file.text) else ()


def _refusal(project: Project, file: File, argv: Sequence[str]) -> str:
    """Its last words, "" when it is content."""
    folder = (project.root / file.name).parent
    done = run_program(argv, cwd=folder, time_limit=TIME_LIMIT)
    if done.returncode < 0:
        raise CheckError(
            f"promtool took longer than {TIME_LIMIT:g} s for {printable(file.name)}: try it by hand"
        )
    return done.last_line if done.returncode else ""
