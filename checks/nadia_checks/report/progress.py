"""One line a check while the gate runs."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from nadia_checks.core.runner import Progress
from nadia_checks.report import terminal
from nadia_checks.report.lines import Line, Span, fold, line
from nadia_checks.report.wording import count, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text

    from nadia_checks.core.runner import Ran

QUIET_SECONDS = 60.0


class Watcher(Progress, AbstractContextManager["Watcher"], Protocol):
    """Progress that is watched while it is open."""


def for_stream(stream: TextIO) -> Watcher:
    """Live lines on a terminal; elsewhere a plain line as each check ends."""
    return LiveProgress(stream) if terminal.is_lively(stream) else PlainProgress(stream)


class Running:
    """The checks that run now, and for how long; for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, check: str) -> None:
        with self._lock:
            self._since[check] = self._clock()

    def remove(self, check: str) -> None:
        with self._lock:
            self._since.pop(check, None)

    def seconds(self) -> dict[str, float]:
        with self._lock:
            now = self._clock()
            return {check: now - since for check, since in self._since.items()}


class PlainProgress:
    """A line as each check ends, and one each `quiet` seconds that names those still running."""

    def __init__(
        self,
        stream: TextIO,
        quiet: float = QUIET_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = terminal.forgiving(stream)
        self._width = terminal.width_of(stream)
        self._quiet = quiet
        self._running = Running(clock)
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._reminder = threading.Thread(target=self._remind, daemon=True)

    def __enter__(self) -> Self:
        self._reminder.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._reminder.join()

    def started(self, check: str) -> None:
        self._running.add(check)

    def finished(self, ran: Ran) -> None:
        self._running.remove(ran.check)
        self._write(final_line(ran))

    def _remind(self) -> None:
        while not self._ended.wait(self._quiet):
            running = [f"{name} ({s:.0f} s)" for name, s in self._running.seconds().items()]
            if running:
                self._write(line("still running: " + ", ".join(running)))

    def _write(self, long: Line) -> None:
        with self._writing:
            self._stream.write(terminal.plain(fold(long, self._width)))
            self._stream.flush()


class LiveProgress:
    """A moving line for each check that runs, which stays as a final one when it ends."""

    def __init__(self, stream: TextIO) -> None:
        from rich.live import Live

        self._running = Running()
        self._console = terminal.console_for(terminal.forgiving(stream))
        self._live = Live(
            get_renderable=self._moving,
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def started(self, check: str) -> None:
        self._running.add(check)

    def finished(self, ran: Ran) -> None:
        self._running.remove(ran.check)
        terminal.show(fold(final_line(ran), self._console.width), self._console)

    def _moving(self) -> Text:
        from rich.text import Text

        rows = [moving_line(name, s) for name, s in self._running.seconds().items()]
        return Text("\n").join(terminal.styled(row) for row in rows)


def moving_line(check: str, seconds: float) -> Line:
    return line(f"{check:<13}", Span("running", "warn"), f"{seconds:7.1f} s")


def final_line(ran: Ran) -> Line:
    """What is known when a check ends; its status is the verdict's to give."""
    word, told = Span("done   ", "dim"), count(len(ran.findings), "finding")
    if ran.error:
        word, told = Span("error  ", "bad"), one_line(ran.error)
    return line(f"{ran.check:<13}", word, f"{ran.seconds:7.1f} s  ", told, indent=31)
