"""A pytest plugin that keeps the names of the running tests in a file.

It outlives what no report outlives: `os._exit`, a crash of the interpreter, SIGKILL.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SUFFIX = ".running"


def pytest_configure(config: pytest.Config) -> None:
    report: str | None = config.getoption("nadia_report", None)
    # With pytest-xdist only the controller hears of all tests.
    if report and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Running(Path(report + SUFFIX)), "nadia-running")


def read_running(report: Path) -> list[str]:
    """The node ids that were running when pytest ended, [] where none is known."""
    try:
        names = json.loads(Path(f"{report}{SUFFIX}").read_bytes().partition(b"\n")[0])
    except (OSError, ValueError):
        return []
    return [str(name) for name in names]


class _Running:
    def __init__(self, path: Path) -> None:
        self._names: dict[str, None] = {}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._names[nodeid] = None
        self._write()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._names.pop(nodeid, None)
        self._write()

    def pytest_unconfigure(self) -> None:
        os.close(self._file)

    def _write(self) -> None:
        # One write a test; what an older, longer list leaves behind stands after the newline.
        os.pwrite(self._file, json.dumps(list(self._names)).encode() + b"\n", 0)
