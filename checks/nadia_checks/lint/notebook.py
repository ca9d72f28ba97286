"""Lines of notebooks: ruff counts them inside a cell."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def cell_line(path: Path, cell: int, row: int) -> str:
    """The text of a line, stripped; both count from 1. "" where there is no such line."""
    cells = _cells(path)
    lines = cells[cell - 1] if 0 < cell <= len(cells) else []
    return lines[row - 1].strip() if 0 < row <= len(lines) else ""


@lru_cache(maxsize=1)
def _cells(path: Path) -> list[list[str]]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return ["".join(cell["source"]).splitlines() for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return []
