"""The plugin that keeps the names of the running tests, called as pytest calls it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from nadia_checks.pytest import running

if TYPE_CHECKING:
    from pathlib import Path


class Manager:
    def __init__(self) -> None:
        self.plugins: list[Any] = []

    def register(self, plugin: object, name: str) -> None:
        self.plugins.append(plugin)


def configure(report: str | None, **more: object) -> list[Any]:
    manager = Manager()
    config = SimpleNamespace(pluginmanager=manager, getoption=lambda name, default: report, **more)
    running.pytest_configure(cast("pytest.Config", config))
    return manager.plugins


def test_what_runs_is_named(tmp_path: Path) -> None:
    report = tmp_path / "tests.json"
    (plugin,) = configure(str(report))
    plugin.pytest_runtest_logstart("a::long_name_of_a_test")
    plugin.pytest_runtest_logstart("b::two")
    assert running.read_running(report) == ["a::long_name_of_a_test", "b::two"]
    plugin.pytest_runtest_logfinish("a::long_name_of_a_test")
    assert running.read_running(report) == ["b::two"]
    plugin.pytest_runtest_logfinish("b::two")
    assert running.read_running(report) == []
    plugin.pytest_unconfigure()


@pytest.mark.parametrize(("report", "more"), [(None, {}), ("tests.json", {"workerinput": {}})])
def test_it_stays_out(report: str | None, more: dict[str, object]) -> None:
    assert configure(report, **more) == []


@pytest.mark.parametrize("text", [None, "", "not json\n"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str | None) -> None:
    report = tmp_path / "tests.json"
    if text is not None:
        (tmp_path / "tests.json.running").write_text(text)
    assert running.read_running(report) == []
