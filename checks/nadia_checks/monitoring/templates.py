"""Variables in PromQL, as Grafana and envsubst write them, replaced so that the rest is PromQL."""

from __future__ import annotations

import re

# What a variable becomes; a name that holds it is not a name that anyone wrote.
MARK = "nadia_variable"
# `{{ … }}` (Helm, Jinja, Go) can become anything at all.
_UNKNOWABLE = re.compile(r"\{\{|\{%|<%")
_VARIABLE = r"\$\{\w+(?:[:.][^}]*)?\}|\$\w+|\[\[\w+(?::\w+)?\]\]"
_TOKEN = re.compile(
    rf"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<comment>\#[^\n]*)"""
    rf"""|(?P<variable>{_VARIABLE})|(?P<bracket>[\[\]])|(?P<other>.)""",
    re.S,
)
_HELM = re.compile(
    r"\{\{[^}\n]*(?:\.(?:Values|Release|Chart|Capabilities|Files)\b|\b(?:include|template|tpl)\s)"
    r"|^\s*\{\{-?\s*(?:if|else|end|range|with|define|/\*)|\{%|<%",
    re.M,
)


def is_templated_file(text: str) -> bool:
    """Whether a file is the template of another one: Helm, Jinja, ERB."""
    return _HELM.search(text) is not None


def is_templated(expression: str) -> bool:
    return _UNKNOWABLE.search(expression) is not None


def candidates(expression: str) -> list[str]:
    """The expression with its variables replaced: by a name, or where it fits by a number.

    One candidate when its variables, if it has any, stand where only one kind of thing can.
    """
    written, free = _replace(expression, MARK)
    if not free:
        return [written]
    return [written, _replace(expression, "5")[0], _replace(expression, "5m")[0]]


def _replace(expression: str, word: str) -> tuple[str, bool]:
    """Also: whether a variable stood outside of texts and of ranges."""
    parts: list[str] = []
    depth = 0
    free = False
    for token in _TOKEN.finditer(expression):
        kind, text = token.lastgroup, token[0]
        if kind == "string":
            text = re.sub(_VARIABLE, MARK, text)
        elif kind == "bracket":
            depth += 1 if text == "[" else -1
        elif kind == "variable":
            is_range = depth > 0 or "".join(parts).rstrip().endswith("offset")
            free = free or not is_range
            text = "5m" if is_range else word
        parts.append(text)
    return "".join(parts), free
