"""How pytest is started: its command line and its environment."""

from __future__ import annotations

import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.core.errors import CheckError
from nadia_checks.core.git import LOCAL_VARIABLES
from nadia_checks.core.process import INSTALL
from nadia_checks.pytest.configuration_files import read_settings

if TYPE_CHECKING:
    from nadia_checks.core.project import Project

# What an outer pytest, coverage or git hook leaves in the environment speaks of itself.
FOREIGN_VARIABLES = (
    *LOCAL_VARIABLES,
    "COVERAGE_DEBUG",
    "COVERAGE_DEBUG_FILE",
    "COVERAGE_FILE",
    "COVERAGE_FORCE_CONFIG",
    "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_PROCESS_START",
    "COVERAGE_RUN",
    # What a person sets for a run by hand must not steer the verdict.
    "PYTEST_ADDOPTS",
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "PYTEST_XDIST_TESTRUNUID",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
)


def pytest_command(
    project: Project, scratch: Path, report: Path, *, preview: bool = False
) -> list[str]:
    """The command line; in a preview it only collects, and writes nothing into the project.

    Raises:
        CheckError: pytest or, where workers are asked for, pytest-xdist is not installed.
    """
    options = project.config.pytest
    words = added_options(project.root)
    return [
        *(sys.executable, "-m", need("pytest")),
        *("-p", "nadia", "-p", "nadia_checks.pytest.running"),
        # In one word: pytest takes the path of a word of its own for a place of tests.
        f"--nadia-report={report}",
        # Every test is judged, whatever addopts say about the first that fails.
        *("--continue-on-collection-errors", "--maxfail=0"),
        *([] if "no:cacheprovider" in words else _cache(project, scratch, preview=preview)),
        *_distribution(words, 0 if preview or _has_odd_names(project) else options.workers),
        *_without_pytest_cov(words),
        *(_collect_only(words, scratch) if preview else []),
        *options.args,
    ]


def pytest_environment(*, preview: bool = False, rcfile: Path | None = None) -> dict[str, str]:
    """This process' variables without FOREIGN_VARIABLES; `rcfile` starts the measurement.

    The scripts of this Python are found first, as in an activated environment.
    """
    env = {key: value for key, value in os.environ.items() if key not in FOREIGN_VARIABLES}
    env["PATH"] = os.pathsep.join(
        (os.fspath(Path(sys.executable).parent), env.get("PATH", os.defpath))
    )
    if preview:
        env["PYTHONDONTWRITEBYTECODE"] = "1"
    if rcfile:
        env["COVERAGE_PROCESS_START"] = os.fspath(rcfile)
    return env


def added_options(root: Path) -> list[str]:
    """The words of `addopts`."""
    written = read_settings(root).get("addopts", "")
    if isinstance(written, list):
        return [str(word) for word in written]
    return _split(str(written))


def need(module: str) -> str:
    """The module's name, if it is installed.

    Raises:
        CheckError: it is not.
    """
    if find_spec(module) is None:
        raise CheckError(f"{module} is not installed: {INSTALL}")
    return module


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _cache(project: Project, scratch: Path, *, preview: bool) -> list[str]:
    if _has_odd_names(project):
        return ["-p", "no:cacheprovider"]
    writable = os.access(project.root, os.W_OK) and not preview
    return [] if writable else ["-o", f"cache_dir={scratch / 'cache'}"]


def _has_odd_names(project: Project) -> bool:
    """Neither pytest's cache nor pytest-xdist can write node ids that are not UTF-8."""
    try:
        "".join(project.python_files).encode()
    except UnicodeEncodeError:
        return True
    return False


def _distribution(words: list[str], workers: int | str) -> list[str]:
    """Nothing where the project turned pytest-xdist off."""
    if any(word.endswith("no:xdist") for word in words):
        return []
    if workers:
        need("xdist")
    elif find_spec("xdist") is None:
        return []
    return ["-p", "xdist", "-n", str(workers)]


def _collect_only(words: list[str], scratch: Path) -> list[str]:
    """Loaded, pytest-benchmark makes the folder of its storage in the project."""
    loaded = not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") and "no:benchmark" not in words
    benchmark = loaded and find_spec("pytest_benchmark")
    storage = f"--benchmark-storage=file://{scratch / 'benchmarks'}"
    return ["--collect-only", *([storage] if benchmark else [])]


def _without_pytest_cov(words: list[str]) -> list[str]:
    """Two measurements in one process disturb each other, and pytest-cov writes into the tree."""
    asked_for = any(word.startswith("--cov") for word in words)
    if not asked_for or find_spec("pytest_cov") is None:
        return []
    return ["-p", "pytest_cov", "--no-cov"]
