"""Mypy's messages as findings."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from nadia_checks.core.check import Draft
from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import printable

if TYPE_CHECKING:
    from nadia_checks.core.process import Completed
    from nadia_checks.core.project import Project

SYNTAX = "syntax"
# With this word mypy goes on, without the project's settings.
UNREAD_SETTINGS = b"Source contains parsing errors"
TELLING = re.compile("error: |^There are no|parsing errors")
HELP = {
    "unused-ignore": "remove the comment '# type: ignore'",
    "import-not-found": "install it here, or name it in an override of mypy's settings",
    "import-untyped": "install its stubs here, or name it in an override of mypy's settings",
}
DEFAULT_HELP = "repair it, or once reviewed '# type: ignore[{}]'"


class Message(msgspec.Struct):
    """One line of mypy's JSON output; `column` counts from 0."""

    file: str
    line: int
    column: int
    message: str
    severity: str
    end_line: int | None = None
    hint: str | None = None
    code: str | None = None


def drafts(done: Completed, project: Project, config: str) -> list[Draft]:
    """Raises:
    CheckError: mypy did not come to a judgement.
    """
    messages = _messages(done.stdout)
    if not _judged(done, messages):
        raise CheckError(_why(done, messages, project, config))
    for message in messages:
        if message.code == SYNTAX:
            place = f"{printable(message.file)}:{message.line}"
            raise CheckError(f"mypy stopped at a syntax error, {place}: repair or exclude the file")
    found: list[Draft] = []
    for message in messages:
        if message.severity == "error":
            found.append(_draft(message, project))
        elif found and _follows(message, found[-1], project):
            found[-1] = replace(found[-1], help=f"{found[-1].help}; {_one_line(message.message)}")
    return found


def _judged(done: Completed, messages: list[Message]) -> bool:
    errors = [message for message in messages if message.severity == "error"]
    if UNREAD_SETTINGS in done.stderr or done.cut:
        return False
    if done.returncode == 2:
        return any(message.code == SYNTAX for message in errors)
    return (done.returncode, bool(errors)) in ((0, False), (1, True))


def _messages(output: bytes) -> list[Message]:
    try:
        return [
            msgspec.json.decode(line, type=Message)
            for line in output.splitlines()
            if line.startswith(b"{")
        ]
    except msgspec.MsgspecError as error:
        raise CheckError(f"mypy gave no readable output: {error}") from None


def _why(done: Completed, messages: list[Message], project: Project, config: str) -> str:
    stderr = done.stderr.decode(errors="replace")
    if "INTERNAL ERROR" in stderr:
        return _crash(project)
    for message in messages + _messages(done.stderr):
        return f"mypy failed: {message.file}: {_one_line(message.message)}"
    said = [line.strip() for line in stderr.splitlines() if TELLING.search(line)]
    last = (said or [done.last_line])[-1][:300]
    return f"mypy failed: {last} (it is configured in {config})"


def _crash(project: Project) -> str:
    for name in project.python_files:
        if name.encode(errors="replace") != os.fsencode(name):
            return f"mypy cannot read a name that is not UTF-8: rename {printable(name)}"
    return "mypy crashed: run `mypy --show-traceback` to see where"


def _draft(message: Message, project: Project) -> Draft:
    code = message.code or "misc"
    return Draft(
        rule=f"mypy:{code}",
        message=_one_line(message.message),
        help=_one_line(message.hint or HELP.get(code) or DEFAULT_HELP.format(code)),
        path=project.relative(message.file),
        line=max(message.line, 0),
        column=max(message.column + 1, 0),
        end_line=max(message.end_line or 0, message.line, 0),
    )


def _follows(note: Message, draft: Draft, project: Project) -> bool:
    return (project.relative(note.file), note.line) == (draft.path, draft.line)


def _one_line(text: str) -> str:
    return " ".join(text.split())
