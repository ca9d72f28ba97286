"""What the gate costs: `make bench` prints the figures that the README states."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from nadia_checks.core.runner import GATE_VARIABLE
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.testing.project import copy_project

pytestmark = pytest.mark.slow

COMPANION = Path(__file__).resolve().parents[2] / "examples" / "companion"
LEFT_OUT = {GATE_VARIABLE, "PYTHONDONTWRITEBYTECODE"}
RUNS = 3


def cost(arguments: Sequence[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one command and all its children, the least of some runs each."""
    env = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    walls, cpus = [], []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True, env=env)
        walls.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(walls), min(cpus)


def test_the_gate_costs_little_more_than_its_checks(tmp_path: Path) -> None:
    project = copy_project(COMPANION, tmp_path / "companion")
    gate = [sys.executable, "-P", "-m", "nadia_checks", "gate", str(project)]
    cost([*gate])  # fills the tools' caches, as on any machine but a new one

    whole, _ = cost(gate)
    alone = {name: cost([*gate, "--only", name]) for name in CHECK_NAMES}

    slowest = max(wall for wall, _ in alone.values())
    cores = len(os.sched_getaffinity(0))
    shared = sum(cpu for _, cpu in alone.values()) / cores
    bound = max(slowest, shared)
    print(f"\nwhole gate {whole:.2f} s")
    for name, (wall, cpu) in alone.items():
        print(f"  {name:9} alone {wall:.2f} s wall, {cpu:.2f} s CPU")
    print(f"  slowest {slowest:.2f} s, CPU / {cores} cores {shared:.2f} s: {whole / bound:.2f} x")
    assert whole <= 1.3 * bound


def test_help_is_cheap() -> None:
    nadia = [sys.executable, "-m", "nadia_checks", "--help"]
    python = [sys.executable, "-c", "import argparse, importlib.metadata"]
    pytest_help = [sys.executable, "-m", "pytest", "--version"]
    runs = {"nadia --help": nadia, "python": python, "pytest --version": pytest_help}

    cpu = {name: min(cost(arguments)[1] for _ in range(5)) for name, arguments in runs.items()}

    print()
    for name, seconds in cpu.items():
        print(f"{name:17} {seconds * 1000:.0f} ms CPU")
    assert cpu["nadia --help"] < cpu["pytest --version"]
