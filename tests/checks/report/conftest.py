"""Verdicts to render, and a terminal to render them on."""

from __future__ import annotations

import os
import pty
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

import pytest

from nadia_checks.core.check import Check
from nadia_checks.core.verdict import JudgedFinding, Verdict
from nadia_checks.report.lines import fold
from nadia_checks.report.terminal import plain
from nadia_checks.report.text import compose
from pytest_nadia.finding import Finding, Severity

ROOT = Path("/srv/bot")


@dataclass(frozen=True)
class FirstAid:
    """A check of which only the advice is asked."""

    command: str

    def first_aid(self, findings: Sequence[Finding]) -> str:
        assert findings
        return self.command


@pytest.fixture
def make_finding() -> Callable[..., JudgedFinding]:
    def make(rule: str, message: str = "Something is wrong", **fields: Any) -> JudgedFinding:
        severity = Severity(fields.pop("severity", "error"))
        given: dict[str, Any] = {
            "path": "bot/main.py",
            "line": 3,
            "column": 1,
            "help": "Repair it",
        } | fields
        return JudgedFinding(
            rule=rule,
            message=message,
            severity=severity,
            end_line=given["line"],
            fingerprint="0123456789abcdef",
            **given,
        )

    return make


@pytest.fixture(scope="session")
def checks() -> Mapping[str, Check]:
    commands = {
        "lint": "ruff check --fix .",
        "security": "nadia explain bandit:B602",
        "secrets": "",
        "types": "mypy .",
        "pytest": "python -m pytest --last-failed",
    }
    return cast("Mapping[str, Check]", {name: FirstAid(one) for name, one in commands.items()})


@pytest.fixture(scope="session")
def render(checks: Mapping[str, Check]) -> Callable[..., str]:
    """The plain report of a verdict on a project in the current folder."""

    def as_text(verdict: Verdict, width: int = 80, *, preview: bool = False) -> str:
        lines = compose(verdict, checks, ROOT, ROOT, preview=preview)
        return plain(piece for long in lines for piece in fold(long, width))

    return as_text


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a person or a CI service sets about terminals."""
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def terminal(bare_environment: None) -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """What a program writes to, 80 columns wide; and what closes it and tells what arrived."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    stream = os.fdopen(slave, "w", encoding="utf-8")
    received: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(master, received), daemon=True)
    reader.start()

    def shown() -> str:
        stream.close()
        reader.join(timeout=20)
        return b"".join(received).decode().replace("\r\n", "\n")

    yield stream, shown
    stream.close()
    reader.join(timeout=20)
    os.close(master)


def _read_all(descriptor: int, received: list[bytes]) -> None:
    try:
        while block := os.read(descriptor, 4096):
            received.append(block)
    except OSError:  # Linux gives EIO where other systems give the end of the file
        return
