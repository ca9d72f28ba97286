"""What every test of the repository may use."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

_COVERAGE_START = {"COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"}
_OUTER_RUN = {"PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"}


def _is_of_outer_run(name: str) -> bool:
    if name.startswith("NADIA_"):
        return name != "NADIA_REQUIRE"
    return name in _OUTER_RUN or name.startswith("PYTEST_XDIST_")


@pytest.fixture(autouse=True)
def _hide_the_outer_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that a test starts must not see the gate, or the pytest, that runs the test."""
    for name in filter(_is_of_outer_run, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.fixture
def clean_env() -> dict[str, str]:
    """An environment for subprocesses that holds nothing of this test run."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _COVERAGE_START or not name.startswith(("NADIA_", "PYTEST_", "COV"))
    }


@pytest.fixture
def require() -> Callable[[str], str]:
    """Gives the path of a program; where it is missing the test is skipped.

    It fails instead if NADIA_REQUIRE, a comma-separated list, names the program.
    """

    def find(program: str) -> str:
        if path := shutil.which(program):
            return path
        required = {name.strip() for name in os.environ.get("NADIA_REQUIRE", "").split(",")}
        if program in required:
            pytest.fail(f"{program} is not on PATH, and NADIA_REQUIRE names it", pytrace=False)
        pytest.skip(f"{program} is not on PATH")

    return find
