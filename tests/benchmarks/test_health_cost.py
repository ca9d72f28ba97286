"""How long every fault under a health check takes: `make bench` prints what the README states."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

COMPANION = Path(__file__).resolve().parents[2] / "examples" / "companion"


def test_the_whole_matrix_on_the_companion(clean_env: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "nadia_checks", "health", "--format", "json"]
    before = time.perf_counter()
    done = subprocess.run(
        command, cwd=COMPANION, env=clean_env, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - before
    found = json.loads(done.stdout)
    score = found["score"]
    print(
        f"\nnadia health on the companion: {len(found['rows'])} rows, {seconds:.1f} s\n"
        f"  {score['noticed']} of {score['applicable']} faults noticed, "
        f"{score['false_alarms']} false alarms"
    )
    slowest = sorted(found["rows"], key=lambda row: row["seconds"])[-3:]
    print("  the slowest:", ", ".join(f"{row['fault']} {row['seconds']:.1f} s" for row in slowest))
    assert found["verdict"] == "pass"
    assert len(found["rows"]) >= 60
