"""One cache of mypy for all tests: most of its time goes into the standard library."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("mypy"))


@pytest.fixture(autouse=True)
def _warm_mypy(mypy_cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYPY_CACHE_DIR", mypy_cache)
