from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Outcome:
    """One run of pytest in a folder of its own, and the report it left."""

    result: pytest.RunResult
    report: dict[str, Any]

    def outcomes(self) -> dict[str, str]:
        return {test["node_id"]: test["outcome"] for test in self.report["tests"]}

    def messages(self) -> dict[str, str]:
        found = self.report["tests"]
        return {test["node_id"]: test["message"] for test in found if test["message"]}


@pytest.fixture
def only_nadia(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inner runs load our plugin, and of the others what they ask for."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def run_inner(pytester: pytest.Pytester, only_nadia: None) -> Callable[..., pytest.RunResult]:
    """Runs pytest on what the test wrote; `subprocess=True` for what must not share our process."""

    def run(*arguments: str, subprocess: bool = False) -> pytest.RunResult:
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return start("-p", "nadia", *arguments)

    return run


@pytest.fixture
def run_reported(pytester: pytest.Pytester, only_nadia: None) -> Callable[..., Outcome]:
    """Runs pytest with `--nadia-report`; `subprocess=True` where the run will not survive."""

    def run(*arguments: str, subprocess: bool = False) -> Outcome:
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        result = start("-p", "nadia", "--nadia-report=report.json", *arguments)
        text = pytester.path.joinpath("report.json").read_text(encoding="utf-8")
        return Outcome(result, json.loads(text))

    return run


@pytest.fixture(
    params=[(), pytest.param(("-p", "xdist", "-n2"), marks=pytest.mark.slow)], ids=["serial", "n2"]
)
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Arguments for a run in one process, and for one in two workers."""
    arguments: tuple[str, ...] = request.param
    return arguments
