"""What the plugin costs a test run that does not use it: `make bench` prints it."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.slow

ROUNDS = 30
# A module that is no plugin: finding plugins at all costs as much as what ours may cost.
VARIANTS: dict[str, list[str]] = {
    "pytest alone": ["-p", "colorsys"],
    "with nadia": ["-p", "nadia"],
    "with xdist": ["-p", "xdist"],
}


@pytest.fixture
def environment(clean_env: dict[str, str]) -> dict[str, str]:
    """No other plugin, and no coverage, in the runs; bytecode is kept."""
    left_out = {"PYTHONDONTWRITEBYTECODE", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"}
    kept = {name: value for name, value in clean_env.items() if name not in left_out}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def cpu_of(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> float:
    """CPU milliseconds of one command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def test_the_plugin_costs_at_most_half_of_xdist(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    tmp_path.joinpath("test_empty.py").write_text("def test_empty(): pass\n", encoding="utf-8")
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    measured: dict[str, list[float]] = {name: [] for name in VARIANTS}
    # Alternated, so that what else the machine does falls on all alike.
    for _ in range(ROUNDS):
        for name, arguments in VARIANTS.items():
            measured[name].append(cpu_of([*pytest_run, *arguments], tmp_path, environment))

    # The median over the rounds: a busy machine makes single runs dearer by more than we measure.
    alone = measured["pytest alone"]
    added = {
        name: statistics.median(
            with_it - without for with_it, without in zip(times, alone, strict=True)
        )
        for name, times in measured.items()
    }
    print()
    for name, times in measured.items():
        ratio = 1 + added[name] / statistics.median(alone)
        print(f"{name:13} {min(times):6.1f} ms CPU at least  {added[name]:+.1f} ms, {ratio:.3f} x")
    assert added["with nadia"] <= added["with xdist"] / 2
