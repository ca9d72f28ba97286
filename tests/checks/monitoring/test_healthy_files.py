"""Files as people write them, in which nothing is wrong: the check must stay silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

HEALTHY = Path(__file__).with_name("data") / "healthy"
CASES = sorted(path for path in HEALTHY.iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=[path.name for path in CASES])
def test_nothing_is_found(case: Path, look: Any) -> None:
    files = {
        str(path.relative_to(case)): path.read_bytes()
        for path in case.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert [(one.path, one.line, one.message) for one in look(files).drafts] == []
