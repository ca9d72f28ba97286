from __future__ import annotations

import io
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TextIO

import pytest

from nadia_checks.core.runner import Ran
from nadia_checks.report.progress import LiveProgress, PlainProgress, for_stream
from pytest_nadia.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from nadia_checks.core.verdict import JudgedFinding

pytestmark = pytest.mark.unit


class Heard(io.StringIO):
    """A stream that tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        number = super().write(text)
        self.written.set()
        return number


def run_two(stream: TextIO, found: list[Finding]) -> None:
    with for_stream(stream) as progress:
        progress.started("lint")
        progress.started("pytest")
        progress.finished(Ran(check="lint", seconds=0.41, findings=found))
        progress.finished(Ran(check="pytest", seconds=600.2, error="took \x1b[1mtoo\nlong"))


def test_a_file_gets_one_plain_line_as_each_check_ends(
    make_finding: Callable[..., JudgedFinding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    stream = io.StringIO()

    run_two(stream, [make_finding("ruff:F401")])

    assert stream.getvalue() == (
        "lint         done       0.4 s  1 finding\npytest       error    600.2 s  took too long\n"
    )


def test_a_long_silence_is_broken_by_the_names_of_what_runs() -> None:
    now = [100.0]
    stream = Heard()
    with PlainProgress(stream, quiet=0.01, clock=lambda: now[0]) as progress:
        progress.started("pytest")
        now[0] += 60
        progress.started("types")
        stream.written.clear()
        assert stream.written.wait(20)

    assert "still running: pytest (60 s), types (0 s)\n" in stream.getvalue()


def test_nothing_is_said_when_nothing_runs() -> None:
    stream = io.StringIO()
    with PlainProgress(stream, quiet=0.001) as progress:
        progress.started("lint")
        progress.finished(Ran(check="lint"))
        before = len(stream.getvalue().splitlines())
        threading.Event().wait(0.05)

    lines = stream.getvalue().splitlines()
    assert [line for line in lines[before:] if "still running" in line] == []


def test_checks_may_end_in_many_threads_at_once() -> None:
    stream = io.StringIO()
    names = [f"check{number}" for number in range(200)]
    with PlainProgress(stream) as progress, ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.started, names))
        list(pool.map(lambda name: progress.finished(Ran(check=name)), names))

    lines = stream.getvalue().splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(names)
    assert all(line.endswith("0 findings") for line in lines)


@pytest.mark.parametrize("kind", [PlainProgress, LiveProgress])
def test_a_reader_that_has_gone_does_not_stop_the_gate(
    kind: type[PlainProgress | LiveProgress],
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", buffering=1)
    with kind(stream) as progress:
        progress.started("lint")
        progress.finished(Ran(check="lint"))
    with pytest.raises(BrokenPipeError):
        stream.close()


@pytest.mark.parametrize("kind", [PlainProgress, LiveProgress])
def test_a_stream_of_ascii_takes_every_reason(kind: type[PlainProgress | LiveProgress]) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with kind(stream) as progress:
        progress.finished(Ran(check="lint", error="za długo \udcff"))

    assert b"za d\\u0142ugo \\udcff" in raw.getvalue()


def test_a_terminal_shows_each_check_while_it_runs_and_leaves_one_line(
    terminal: tuple[TextIO, Callable[[], str]],
) -> None:
    stream, shown = terminal
    with for_stream(stream) as progress:
        assert isinstance(progress, LiveProgress)
        progress.started("pytest")
        progress._live.refresh()
        progress.finished(Ran(check="pytest", seconds=1.26))

    text = shown()
    assert re.search(r"pytest +\x1b\[33mrunning\x1b\[0m +\d\.\d s", text)
    assert "\x1b[2K" in text
    assert text.index("running") < text.index("0 findings")
    assert text.endswith("\x1b[?25h") or text.index("\x1b[?25l") < text.index("\x1b[?25h")


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_a_terminal_that_nobody_watches_gets_plain_lines(
    terminal: tuple[TextIO, Callable[[], str]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    stream, shown = terminal

    run_two(stream, [])

    assert shown() == (
        "lint         done       0.4 s  0 findings\npytest       error    600.2 s  took too long\n"
    )
