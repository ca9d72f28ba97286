"""Command lines of systemd units and of crontabs, with the place at which they stand."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nadia_checks.core.globs import matcher
from nadia_checks.monitoring.files import ELSEWHERE, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.core.project import Project

UNITS = (".service", ".service.in", ".service.j2")
IS_CRONTAB = matcher(["**/crontab", "**/*.crontab", "**/crontab.*", "**/*.cron", "**/cron.d/*"])
_EXEC = re.compile(r"Exec(?:Start|StartPre|StartPost|Condition|Stop|StopPost|Reload)\s*=\s*(.*)")
_FOLDER = re.compile(r"^WorkingDirectory\s*=\s*-?(\S+)", re.M)
_SERVICE = re.compile(r"^\[Service\]", re.M)
# Minutes, hours, days, months, days of the week; names and ranges among them.
_FIELD = r"[\d*/,\-A-Za-z#?L]+"
_ENTRY = re.compile(rf"(?:@\w+|(?:{_FIELD}\s+){{4}}{_FIELD})\s+(.*)")
_ASSIGNMENT = re.compile(r"\w+\s*=")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`folder` is where it runs, "" where that is not said."""

    path: str
    line: int
    words: tuple[str, ...]
    folder: str = ""


def files(project: Project) -> list[str]:
    """The units and the crontabs of the project."""
    excluded = matcher(project.config.monitoring.exclude)
    return [
        name
        for name in project.files
        if (name.endswith(UNITS) or IS_CRONTAB(name)) and not ELSEWHERE(name) and not excluded(name)
    ]


def read(project: Project) -> Iterator[CommandLine]:
    """Every command line of them.

    Raises:
        CheckError: a file cannot be read.
    """
    for name in files(project):
        text = read_text(project, name)
        if name.endswith(UNITS) and _SERVICE.search(text):
            yield from _of_unit(name, text)
        elif IS_CRONTAB(name):
            yield from _of_crontab(name, text)


def _of_unit(name: str, text: str) -> Iterator[CommandLine]:
    """Format: systemd.service(5)."""
    folder = _FOLDER.search(text)
    for number, line in _joined(text):
        if match := _EXEC.match(line.strip()):
            for words in _commands(match[1].lstrip("-@:+!|")):
                yield CommandLine(name, number, words, folder[1] if folder else "")


def _of_crontab(name: str, text: str) -> Iterator[CommandLine]:
    """Format: crontab(5)."""
    for number, line in _joined(text):
        entry = line.strip()
        if not entry.startswith("#") and not _ASSIGNMENT.match(entry):
            folder = ""
            for words in _commands(match[1]) if (match := _ENTRY.match(entry)) else ():
                folder = _changed_folder(words) or folder
                yield CommandLine(name, number, words, folder)


def _changed_folder(words: tuple[str, ...]) -> str:
    """Also behind the name of a user, which the crontabs of the system have."""
    for first, second in pairwise(words):
        if PurePosixPath(first).name == "cd":
            return second
    return ""


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with what continues them behind a backslash, each with the number of its first."""
    start, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        whole += line.removesuffix("\\")
        if not line.endswith("\\"):
            yield start, whole
            start, whole = 0, ""
    if whole:
        yield start, whole


def _commands(text: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line of a shell, each as words; what a shell could not read gives none."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&<>()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word and set(word) <= set(";|&()"):
            if command:
                yield from _with_inner(command)
            command = []
        else:
            command.append(word)


def _with_inner(command: list[str]) -> Iterator[tuple[str, ...]]:
    """The command, and what it gives a shell to run (`sh -c "…"`)."""
    yield tuple(command)
    names = [PurePosixPath(word).name for word in command]
    for shell in ("sh", "bash", "dash", "zsh"):
        if shell in names and "-c" in command[:-1]:
            yield from _commands(command[command.index("-c") + 1])
            return
        if shell in names and "-lc" in command[:-1]:
            yield from _commands(command[command.index("-lc") + 1])
            return
