"""Globs over the project's files, as the configuration writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[[^]]+]|.", re.DOTALL)
SPECIAL = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path, relative and posix, is one of `globs` or lies in a folder that is.

    `*` and `?` stay inside a folder, `**` does not.
    """
    patterns = [_translate(glob) for glob in globs]
    pattern = re.compile("|".join(patterns), re.DOTALL) if patterns else None
    return lambda path: bool(pattern and pattern.fullmatch(path))


def _translate(glob: str) -> str:
    tokens = TOKEN.findall(glob.removeprefix("./").rstrip("/"))
    return "".join(_token(token) for token in tokens) + "(?:/.*)?"


def _token(token: str) -> str:
    if token.startswith("[") and len(token) > 1:
        inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inside[1:]}]" if inside[0] == "!" else f"[{inside}]"
    return SPECIAL.get(token, re.escape(token))
