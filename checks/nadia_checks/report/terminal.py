"""Where a report goes: a terminal that takes colours and moving lines, or anything else."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO, cast

from nadia_checks.report.wording import encodable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from nadia_checks.report.lines import Line, Style

COLUMNS = 80

STYLES: dict[Style, str] = {
    "": "",
    "strong": "bold",
    "good": "bold green",
    "bad": "bold red",
    "warn": "yellow",
    "dim": "dim",
    "place": "cyan",
}


def is_lively(stream: TextIO) -> bool:
    """Whether a person looks at a terminal that understands escapes, and rich is installed."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return False
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return False
    return stream.isatty() and find_spec("rich") is not None


def console_for(stream: TextIO) -> Console:
    """A rich console on a lively stream; colours follow TERM, COLORTERM and NO_COLOR."""
    from rich.console import Console

    return Console(
        file=stream, force_terminal=True, width=width_of(stream), highlight=False, emoji=False
    )


def width_of(stream: TextIO) -> int:
    """Columns: COLUMNS, else the terminal's, else 80."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    return COLUMNS


def plain(lines: Iterable[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def coloured(lines: Iterable[Line], console: Console) -> str:
    """The same text as `plain`, with the escapes that the console's terminal understands."""
    with console.capture() as capture:
        show(lines, console)
    return capture.get()


def show(lines: Iterable[Line], console: Console) -> None:
    for line in lines:
        console.print(styled(line), soft_wrap=True)


def styled(line: Line) -> Text:
    from rich.text import Text

    return Text.assemble(*((span.text, STYLES[span.style]) for span in line.spans))


def forgiving(stream: TextIO) -> TextIO:
    """The stream, going on when its reader has gone and escaping what it cannot encode."""
    return cast("TextIO", _Forgiving(stream))


class _Forgiving(io.TextIOBase):
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "ascii"

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(encodable(text, self.encoding))
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()
