"""Who called: a stack as plain data, taken without reading a source file."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

_MOST_FRAMES = 200
_OURS = f"{Path(__file__).parents[1]}{os.sep}"
_PYTHON = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib"))
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Frame(NamedTuple):
    """One call: where it stood, and in which module."""

    file: str
    line: int
    function: str
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


def call_stack(skip: int) -> tuple[Frame, ...]:
    """The calls that led here, the innermost first, without the `skip` innermost ones."""
    frame: FrameType | None = sys._getframe(skip)
    stack: list[Frame] = []
    while frame is not None and len(stack) < _MOST_FRAMES:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        stack.append(Frame(code.co_filename, frame.f_lineno, code.co_qualname, str(module)))
        frame = frame.f_back
    return tuple(stack)


def in_finalizer_of(package: str) -> bool:
    """Whether an object of a module within a package of that name is being deleted."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            module = str(frame.f_globals.get("__name__", ""))
            if package in module.split("."):
                return True
        frame = frame.f_back
    return False


def own_code(stack: Iterable[Frame]) -> Frame | None:
    """The innermost call that stands in the project: in no installed package, not in Python."""
    return next((frame for frame in stack if not is_library(frame.file)), None)


def is_our_own(stack: Iterable[Frame]) -> bool:
    """Whether pytest-nadia did it for itself, not the project through it."""
    for frame in stack:
        if frame.module.partition(".")[0] == "pytest_nadia":
            return True
        if not is_library(frame.file):
            return False
    return False


@cache
def is_library(file: str) -> bool:
    """Whether a file belongs to Python, to an installed package or to pytest-nadia itself."""
    if file.startswith("<") or any(part in file for part in _INSTALLED):
        return True
    return file.startswith((*_PYTHON, _OURS))
