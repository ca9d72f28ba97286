"""NAD808: a unit or a crontab that starts what does not exist."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.project import printable
from nadia_checks.monitoring import command_lines
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.command_lines import CommandLine
    from nadia_checks.monitoring.evidence import Evidence

RULE = Rule(
    number="NAD808",
    name="missing-program",
    severity=Severity.ERROR,
    what="A systemd unit or a crontab names a module or a script that is not in the repository.",
    why="The service does not start, or the scheduled check never runs, and nobody is told.",
    repair="correct the name, or remove the line",
    bad="ExecStart=/usr/bin/python3 -m companion.health_deamon",
    good="ExecStart=/usr/bin/python3 -m companion.health_daemon",
)
_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*$|(?:ba|da|z)?sh$")
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*$")
# What takes "package.module:object" as an argument.
_SERVERS = frozenset(["uvicorn", "gunicorn", "hypercorn", "daphne", "granian"])
_OBJECT = re.compile(r"[a-zA-Z_]\w*(?:\.\w+)*:\w+(?:\(.*\))?$")
_SCRIPT = re.compile(r"[\w./@+-]+\.(?:py|sh|bash)$")


def find(evidence: Evidence) -> Iterator[Draft]:
    for line in command_lines.read(evidence.project):
        for module in _run_modules(line.words):
            if _is_ours(evidence, module) and not evidence.code.runs(module):
                yield _draft(line, f"the module {module}", module)
        for module in _served_modules(line.words):
            if _is_ours(evidence, module) and not evidence.code.module_file(module):
                yield _draft(line, f"the module {module}", module)
        for script in _scripts(line.words):
            severity = _missing_script(evidence, line, script)
            if severity:
                yield _draft(line, f"the file {script}", script, severity)


def _run_modules(words: tuple[str, ...]) -> Iterator[str]:
    if any(_PYTHON.match(PurePosixPath(word).name) for word in words):
        yield from (after for word, after in pairwise(words) if word == "-m")


def _served_modules(words: tuple[str, ...]) -> Iterator[str]:
    if not _SERVERS.isdisjoint(PurePosixPath(word).name for word in words):
        yield from (word.partition(":")[0] for word in words if _OBJECT.match(word))


def _scripts(words: tuple[str, ...]) -> Iterator[str]:
    """Words that are paths of scripts; not what options and redirections take.

    A mere name is one where it is run: behind an interpreter, or as `./name`.
    """
    run = ""
    for before, word in pairwise(("", *words)):
        run = run if before.startswith("-") else PurePosixPath(before).name
        is_path = "/" in word or _INTERPRETER.match(run)
        if _SCRIPT.match(word) and is_path and not before.startswith((">", "<")):
            yield word


def _is_ours(evidence: Evidence, module: str) -> bool:
    """Only packages of the project are judged: others are installed, or not, where it runs."""
    is_name = re.match(r"[\w.]+$", module)
    return bool(is_name) and module.partition(".")[0] in evidence.code.top_level


def _missing_script(evidence: Evidence, line: CommandLine, script: str) -> Severity | None:
    """How sure it is that a script of the repository is missing; None where it is not.

    Other absolute paths than those below the folder in which the command runs are not judged.
    """
    path = PurePosixPath(script)
    if path.is_absolute():
        if not line.folder or not path.is_relative_to(line.folder):
            return None
        path = path.relative_to(line.folder)
    if ".." in path.parts:
        return None
    files = evidence.project.files
    if any(name == str(path) or name.endswith(f"/{path}") for name in files):
        return None
    if len(path.parts) == 1:
        return Severity.WARNING
    near = PurePosixPath(line.path).parent
    roots = (str(root / path.parts[0]) for root in (PurePosixPath(), near))
    known = any(name.startswith(f"{root}/") for root in roots for name in files)
    return Severity.ERROR if known else None


def _draft(line: CommandLine, what: str, name: str, severity: Severity = RULE.severity) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=severity,
        path=printable(line.path),
        line=line.line,
        message=f"it starts {what}, which is not in the repository",
        help="correct the name, or remove the line",
        content=name,
    )
