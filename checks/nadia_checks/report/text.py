"""The verdict on a terminal, or as plain text: the same lines, with colour or without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from nadia_checks.core.advice import fix_first, pasteable
from nadia_checks.report import terminal
from nadia_checks.report.findings_text import findings_lines
from nadia_checks.report.lines import EMPTY, Line, fold, line
from nadia_checks.report.verdict_text import table_lines, title_lines, verdict_lines
from nadia_checks.report.wording import encodable, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nadia_checks.core.check import Check
    from nadia_checks.core.project import Project
    from nadia_checks.core.verdict import Verdict

NEXT = "next: nadia init"


def show(
    verdict: Verdict,
    project: Project,
    checks: Mapping[str, Check],
    stream: TextIO,
    *,
    preview: bool,
) -> None:
    """Writes the report below the lines of progress; a `preview` ends with the step after it."""
    stream.write(encodable(render(verdict, project, checks, stream, preview), stream.encoding))


def render(
    verdict: Verdict,
    project: Project,
    checks: Mapping[str, Check],
    stream: TextIO,
    preview: bool,
) -> str:
    """The report as it suits the stream: its width, and colours where it takes them."""
    width = terminal.width_of(stream)
    lines = compose(verdict, checks, project.root, Path.cwd(), preview=preview)
    folded = [EMPTY, *(piece for long in lines for piece in fold(long, width))]
    if terminal.is_lively(stream):
        return terminal.coloured(folded, terminal.console_for(stream))
    return terminal.plain(folded)


def compose(
    verdict: Verdict, checks: Mapping[str, Check], root: Path, here: Path, *, preview: bool
) -> Iterator[Line]:
    """The report's lines, not yet folded; its commands are to be pasted in the folder `here`."""
    everything = pasteable("nadia gate --format json", root, here)
    yield from title_lines(root, preview)
    yield from findings_lines(verdict, everything)
    yield from table_lines(verdict, preview)
    yield from verdict_lines(verdict, preview)
    if preview:
        yield from (EMPTY, line(NEXT))
    elif commands := fix_first(verdict, checks, root, here):
        yield from (EMPTY, line("fix first:"))
        yield from (line(f"  {visible(command)}", whole=True) for command in commands)
