"""The process in which one check runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nadia_checks.core.runner import RESULT_FILE

pytestmark = pytest.mark.integration


def start(project: Path, scratch: Path) -> subprocess.Popen[bytes]:
    scratch.mkdir()
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "nadia_checks.worker", scratch],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def job(check: str) -> bytes:
    return json.dumps({"check": check, "time_limit": 60}).encode() + b"\n"


def run(project: Path, scratch: Path, check: str) -> tuple[int, bytes, dict[str, object]]:
    """Exit code, output and result; standard input stays open, as the gate keeps it."""
    with start(project, scratch) as worker:
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(job(check))
        worker.stdin.flush()
        output = worker.stdout.read()
        worker.wait(timeout=60)
    return worker.returncode, output, json.loads((scratch / RESULT_FILE).read_text())


def test_a_finding_arrives_with_its_fingerprint(
    make_project: Callable[..., Path], tmp_path: Path
) -> None:
    project = make_project({"bot.py": "import os\n"})

    code, output, result = run(project, tmp_path / "scratch", "lint")

    assert (code, output) == (0, b"")
    assert isinstance(found := result["findings"], list)
    assert [(one["rule"], one["path"], len(one["fingerprint"])) for one in found] == [
        ("ruff:F401", "bot.py", 16)
    ]


def test_a_check_that_cannot_run_says_why(
    make_project: Callable[..., Path], tmp_path: Path
) -> None:
    project = make_project({"pyproject.toml": "[tool.ruff]\nnonsense = 1\n", "bot.py": ""})

    code, _, result = run(project, tmp_path / "scratch", "lint")

    assert code == 0
    assert str(result["error"]).startswith("ruff failed")


@pytest.mark.slow
def test_it_ends_when_the_gate_is_gone(make_project: Callable[..., Path], tmp_path: Path) -> None:
    hanging = "import time\n\n\ndef test_hang():\n    open('started', 'w').close()\n"
    project = make_project({"test_bot.py": hanging + "    time.sleep(600)\n"})

    with start(project, tmp_path / "scratch") as worker:
        assert worker.stdin
        worker.stdin.write(job("pytest"))
        worker.stdin.flush()
        while not (project / "started").exists():
            assert worker.poll() is None
            time.sleep(0.05)
        worker.stdin.close()
        worker.wait(timeout=60)

    assert worker.returncode == 130
    assert not (tmp_path / "scratch" / RESULT_FILE).exists()
    assert processes_in(project) == []


def processes_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
