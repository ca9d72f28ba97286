"""Detect-secrets, asked line by line.

Its own `scan_file` reads a file in one way only: the parsed form where there is one (which hides
lists in YAML), and unquoted values only where nothing else was found. Here all forms count. Its
filters, most of its time, are asked about hits alone; the verdict is the same.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from detect_secrets.filters.allowlist import is_line_allowlisted
from detect_secrets.settings import get_filters, get_plugins
from detect_secrets.transformers import get_transformed_file
from detect_secrets.util.code_snippet import get_code_snippet
from detect_secrets.util.inject import call_function_with_arguments

from nadia_checks.secrets.noise import is_noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detect_secrets.core.potential_secret import PotentialSecret
    from detect_secrets.types import NamedIO

KEYWORD = "Secret Keyword"
PEM = "Private Key"
ENTROPY = "High Entropy"
NOISY = 2
# Some plugins give only the part of a token that names its kind.
PART = 12
# What a filter needs to judge a single value.
VALUE = frozenset({"secret", "plugin"})
# Characters on either side.
WINDOW = 2000
TOKEN = re.compile(r"[\w.+/~-]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret at a place; `value` never leaves this package. `sha1` is detect-secrets' own."""

    type: str
    line: int
    column: int
    value: str = field(repr=False)
    sha1: str = field(repr=False)

    @property
    def rank(self) -> int:
        """Lower is more telling."""
        return NOISY if ENTROPY in self.type else 1 if self.type == KEYWORD else 0


def is_skipped(name: str) -> bool:
    """Whether the filters leave out the whole file; the working directory must be the root."""
    return _filtered({"filename": name})


def scan_text(name: str, text: str) -> list[Hit]:
    """All that looks like a secret, by line; several words on one value become several hits."""
    raw = [line.rstrip("\n") for line in io.StringIO(text, newline=None)]
    found = {(hit.type, hit.line, hit.value): hit for hit in _hits(name, text, raw)}
    return sorted(found.values(), key=lambda hit: (hit.line, hit.column, hit.rank))


def most_telling(hits: list[Hit]) -> list[Hit]:
    """One hit for a value on a line."""
    best: dict[tuple[int, str], Hit] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        best.setdefault((hit.line, hit.value), hit)
    return list(best.values())


def _hits(name: str, text: str, raw: list[str]) -> Iterator[Hit]:
    allowed = cache(partial(_is_allowed, name, raw))
    for lines in _forms(name, text, raw):
        for number, line in enumerate(lines, start=1):
            for secret in _secrets(name, lines, number, line.rstrip()):
                hit = _hit(secret, number, raw)
                noise = hit.rank == NOISY and is_noise(name, raw[hit.line - 1], hit.value)
                if not noise and not allowed(hit.line):
                    yield hit


def _is_allowed(name: str, raw: list[str], line: int) -> bool:
    """Parsed forms lose the comments that allow a secret."""
    return is_line_allowlisted(name, raw[line - 1].rstrip(), get_code_snippet(raw, line))


def _forms(name: str, text: str, raw: list[str]) -> Iterator[list[str]]:
    yield raw
    for eager in (False, True):
        file = cast("NamedIO", io.StringIO(text))
        file.name = name
        # Whatever a parser complains about: the raw lines remain.
        with suppress(Exception):
            yield get_transformed_file(file, use_eager_transformers=eager) or []


def _secrets(name: str, lines: list[str], number: int, line: str) -> Iterator[PotentialSecret]:
    found = [
        (plugin, secret)
        for plugin in (get_plugins() if line else ())
        for secret in plugin.analyze_line(filename=name, line=line, line_number=number)
    ]
    if not found:
        return
    facts = {"filename": name, "context": get_code_snippet(lines, number)}
    if _filtered({**facts, "line": line}):
        return
    for plugin, secret in found:
        value = secret.secret_value or ""
        about = {"line": _around(value, line), "secret": value, "plugin": plugin}
        if not _filtered({**facts, **about}, needed=VALUE):
            yield secret


def _around(value: str, line: str) -> str:
    """What filters read of a line: a minified file is one line, with thousands of hits."""
    if len(line) <= WINDOW:
        return line
    at = max(line.find(value), 0)
    return line[max(at - WINDOW, 0) : at + len(value) + WINDOW]


def _filtered(facts: dict[str, Any], needed: frozenset[str] = frozenset()) -> bool:
    """Whether one of the filters that can be asked, and want what is `needed`, says so."""
    return any(
        call_function_with_arguments(one, **facts)
        for one in get_filters()
        if facts.keys() >= one.injectable_variables
        and (not needed or needed & one.injectable_variables)
    )


def _hit(secret: PotentialSecret, number: int, raw: list[str]) -> Hit:
    value = secret.secret_value or ""
    line = _line_of(value, number, raw)
    text = raw[line - 1]
    return Hit(
        secret.type,
        line,
        text.find(value) + 1,
        _whole(secret.type, value, raw, line),
        secret.secret_hash,
    )


def _line_of(value: str, number: int, raw: list[str]) -> int:
    """Parsed forms count lines a little wrong at times."""
    number = min(number, len(raw))
    if value in raw[number - 1]:
        return number
    return next((at for at, line in enumerate(raw, start=1) if value in line), number)


def _whole(type_: str, value: str, raw: list[str], line: int) -> str:
    """What tells this secret from others of its kind."""
    if type_ == PEM:
        return _block(raw[line - 1 :])
    if len(value) < PART and type_ != KEYWORD:
        tokens = [token for token in TOKEN.findall(raw[line - 1]) if value in token]
        return " ".join(tokens) or value
    return value


def _block(lines: list[str]) -> str:
    block = []
    for line in lines:
        block.append(line.strip())
        if "-----END" in line:
            break
    return "\n".join(block)
