from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nadia_checks.adoption.traces import without_traces

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_environment_is_as_before_and_nothing_stays(tmp_path: Path) -> None:
    before = dict(os.environ)
    with without_traces(tmp_path) as scratch:
        assert os.environ["RUFF_CACHE_DIR"].startswith(str(scratch))
        assert os.environ["PYTHONDONTWRITEBYTECODE"] == "1"
        (tmp_path / ".benchmarks").mkdir()
    assert dict(os.environ) == before
    assert not scratch.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_callers_options_for_pytest_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-m 'not slow'")
    with without_traces(tmp_path):
        assert os.environ["PYTEST_ADDOPTS"] == "-m 'not slow'"
