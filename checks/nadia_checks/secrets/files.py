"""Which tracked files are scanned, and their text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nadia_checks.core.globs import matcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nadia_checks.core.project import Project

# Bytes; beyond this a file is data.
LARGE = 10 << 20
OWN = (".secrets.baseline", ".nadia/**")
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
# Compressed data holds one of these in ten bytes, text hardly any.
FEW = 8
CONTROL = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1b"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Names of files; `scanned` is sorted by size, smallest first."""

    scanned: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)


def select(project: Project, exclude: Sequence[str]) -> Selection:
    """The tracked files, without links, what is excluded, and what holds no secrets but hashes."""
    excluded = matcher([*OWN, *exclude])
    sizes = {}
    for name in project.tracked:
        path = project.root / name
        if not excluded(name) and not path.is_symlink():
            sizes[name] = path.stat().st_size
    scanned = sorted((name for name in sizes if sizes[name] <= LARGE), key=lambda n: sizes[n])
    return Selection(scanned, [name for name in sizes if sizes[name] > LARGE])


def decode(data: bytes) -> str | None:
    """The text of a file, whatever its encoding; None for binary data."""
    for bom, encoding in BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    if _is_text(data):
        return data.decode(errors="replace")
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if _is_text(data[1 - first :: 2]) and data[first::2].count(0) * 4 > len(data):
            return data.decode(encoding, "replace")
    return None


def _is_text(data: bytes) -> bool:
    control = len(data) - len(data.translate(None, CONTROL))
    return control <= max(FEW, len(data) // 50)
