"""Do the commands exist that a schedule names?"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_SCRIPTS = (".py", ".sh")


def missing_command(command: str | Sequence[str]) -> str:
    """What of it does not exist, in words; empty if it is all there.

    A command line as a string or a list, or "package.module:function", which is imported.
    """
    if isinstance(command, str) and ":" in command and " " not in command:
        return _missing_function(command)
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        return "the command is empty"
    if shutil.which(words[0]) is None:
        return f"there is no program {words[0]!r}"
    return _missing_argument(words[1:])


def _missing_argument(words: list[str]) -> str:
    """A script or a module that an interpreter is given."""
    match words:
        case ["-m", module, *_] if not _is_module(module):
            return f"there is no module {module!r}"
        case [script, *_] if script.endswith(_SCRIPTS) and not Path(script).is_file():
            return f"there is no file {script!r}"
    return ""


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _missing_function(name: str) -> str:
    module, _, path = name.partition(":")
    try:
        found: object = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        return f"{name} cannot be imported: {type(error).__name__}: {error}"
    return "" if callable(found) else f"{name} cannot be called"
