"""Lines of notebooks, found again by cell and row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nadia_checks.lint.notebook import cell_line

if TYPE_CHECKING:
    from pathlib import Path


def test_source_is_a_list_of_lines_or_one_text(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    cells = [{"source": ["a = 1\n", "  b = 2"]}, {"source": "c = 3\nd = 4"}]
    path.write_text(json.dumps({"cells": cells}))
    assert cell_line(path, 1, 2) == "b = 2"
    assert cell_line(path, 2, 1) == "c = 3"
    assert cell_line(path, 2, 9) == ""
    assert cell_line(path, 9, 1) == ""


@pytest.mark.parametrize("content", ["", "no json", "[]", "{}", '{"cells": [{}]}', '{"cells": 1}'])
def test_a_broken_notebook_has_no_lines(tmp_path: Path, content: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(content)
    assert cell_line(path, 1, 1) == ""
    assert cell_line(tmp_path / "absent.ipynb", 1, 1) == ""
