"""Before anything is agreed to, the programs that are started leave nothing in the project."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# pytest-benchmark makes it in every run, and leaves it empty.
EMPTY_FOLDERS = (".benchmarks",)


@contextmanager
def without_traces(root: Path) -> Iterator[Path]:
    """Sends the caches of mypy, ruff and Python elsewhere, through the environment.

    Gives the folder that holds them until the end; pytest is told of one on its command line.
    """
    folders = [root / name for name in EMPTY_FOLDERS if not (root / name).exists()]
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="nadia-", ignore_cleanup_errors=True) as scratch:
        os.environ |= _variables(scratch)
        try:
            yield Path(scratch)
        finally:
            os.environ.clear()
            os.environ.update(before)
            for folder in folders:
                with suppress(OSError):
                    folder.rmdir()


def _variables(scratch: str) -> dict[str, str]:
    return {
        "MYPY_CACHE_DIR": f"{scratch}/mypy",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUFF_CACHE_DIR": f"{scratch}/ruff",
    }
