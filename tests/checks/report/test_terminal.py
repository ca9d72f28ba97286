from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, TextIO

import pytest

from nadia_checks.report import terminal as module
from nadia_checks.report.lines import Line, Span, line
from nadia_checks.report.terminal import coloured, console_for, is_lively, plain, width_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.unit

LINES: list[Line] = [
    line(Span("pass", "good"), " [bold]no markup[/bold] :smile: ", Span("a.py:3", "place")),
    line("a command that is far too long for the terminal " * 3, whole=True),
    line(),
]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_colours_change_nothing_but_the_colour(
    terminal: tuple[TextIO, Callable[[], str]],
) -> None:
    text = coloured(LINES, console_for(terminal[0]))

    assert "\x1b[1;32mpass\x1b[0m" in text
    assert ESCAPE.sub("", text) == plain(LINES)


def test_no_color_is_honoured(
    terminal: tuple[TextIO, Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    text = coloured(LINES, console_for(terminal[0]))

    assert not re.search(r"\x1b\[(?:\d+;)*[349]\d", text)
    assert ESCAPE.sub("", text) == plain(LINES)


@pytest.mark.parametrize(
    ("name", "value", "lively"),
    [
        ("CI", "true", False),
        ("CI", "1", False),
        ("CI", "false", True),
        ("CI", "", True),
        ("TERM", "dumb", False),
        ("TERM", "xterm", True),
    ],
)
def test_a_terminal_is_lively_unless_the_environment_says_otherwise(
    terminal: tuple[TextIO, Callable[[], str]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    lively: bool,
) -> None:
    monkeypatch.setenv(name, value)

    assert is_lively(terminal[0]) is lively


def test_a_file_is_not_lively(bare_environment: None) -> None:
    assert not is_lively(io.StringIO())


def test_without_rich_a_terminal_is_a_file(
    terminal: tuple[TextIO, Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    assert not is_lively(terminal[0])


def test_the_width_is_the_terminals_unless_columns_says_otherwise(
    terminal: tuple[TextIO, Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert width_of(terminal[0]) == 80
    monkeypatch.setenv("COLUMNS", "132")
    assert width_of(terminal[0]) == 132


@pytest.mark.parametrize("columns", ["", "0", "-3", "wide"])
def test_anything_else_is_80_columns_wide(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert width_of(io.StringIO()) == 80
