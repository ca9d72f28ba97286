"""Turns drafts into findings: every one gets a fingerprint that survives moved lines."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nadia_checks.core.check import Draft


def to_findings(drafts: Iterable[Draft], root: Path) -> list[Finding]:
    """Sorted by place; findings equal in rule, path, scope and content are told apart by order."""
    sources = _Sources(root)
    seen: Counter[tuple[str, str, str, str]] = Counter()
    findings = []
    for draft in sorted(drafts, key=lambda d: (d.path, d.line, d.column, d.rule, d.message)):
        key = (draft.rule, draft.path, *sources.context(draft))
        findings.append(
            Finding(
                rule=draft.rule,
                severity=draft.severity,
                path=encodable(draft.path),
                line=draft.line,
                column=draft.column,
                end_line=draft.end_line or draft.line,
                message=encodable(draft.message),
                help=encodable(draft.help),
                fingerprint=draft.fingerprint or fingerprint(*key, seen[key]),
            )
        )
        seen[key] += 1
    return findings


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold (half a surrogate pair) written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


class _Sources:
    """The lines and the scopes of the project's files, each file read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines = cache(self._read_lines)
        self._scopes = cache(self._read_scopes)

    def context(self, draft: Draft) -> tuple[str, str]:
        """The enclosing name and the content that stand for the finding."""
        if draft.content is not None:
            return "", draft.content
        lines = self._lines(draft.path)
        if not 0 < draft.line <= len(lines):
            return "", ""
        return self._scope(draft.path, draft.line), lines[draft.line - 1].strip()

    def _scope(self, path: str, line: int) -> str:
        around = [
            (last - first, name)
            for first, last, name in self._scopes(path)
            if first <= line <= last
        ]
        return min(around)[1] if around else ""

    def _read_lines(self, path: str) -> list[str]:
        try:
            text = (self._root / path).read_bytes().decode(errors="replace")
        except (OSError, ValueError):
            return []
        # As Python counts lines; str.splitlines() also splits at form feeds and the like.
        return re.split(r"\r\n|\r|\n", text)

    def _read_scopes(self, path: str) -> list[tuple[int, int, str]]:
        if not path.endswith((".py", ".pyi")):
            return []
        try:
            tree = ast.parse("\n".join(self._lines(path)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
        return list(_named_spans(tree, ""))


def _named_spans(node: ast.AST, prefix: str) -> Iterable[tuple[int, int, str]]:
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{prefix}.{child.name}" if prefix else child.name
            first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
            yield first, child.end_lineno or child.lineno, name
        yield from _named_spans(child, name)
