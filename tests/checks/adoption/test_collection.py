from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.collection import collect
from nadia_checks.core.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeProject = Callable[[dict[str, str | bytes]], Path]


HANGS = """\
import os, pathlib, signal, subprocess, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
pathlib.Path({pids!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""


@pytest.mark.slow
def test_asks_pytest_what_it_collects_and_which_file_it_reads(make_project: MakeProject) -> None:
    root = make_project(
        {
            "tox.ini": "[pytest]\ntestpaths = tests\n",
            "setup.cfg": "[tool:pytest]\ntestpaths = elsewhere\n",
            "tests/test_a.py": "def test_a(): open('ran', 'w')\ndef test_b(): pass\n",
            "tests/test_b.py": "import nothing_of_this_name\n",
        }
    )
    before = sorted(root.rglob("*"))
    found = collect(load_project(root, []))
    assert (found.collected, found.not_collected, found.failed) == (2, 1, "")
    assert found.inipath == root / "tox.ini"
    assert sorted(root.rglob("*")) == before


@pytest.mark.slow
def test_says_that_no_file_is_read(make_project: MakeProject) -> None:
    found = collect(load_project(make_project({"test_a.py": "def test_a(): pass\n"}), []))
    assert (found.collected, found.inipath) == (1, None)


def test_says_why_pytest_does_not_answer(make_project: MakeProject) -> None:
    root = make_project({"pytest.ini": "[pytest]\naddopts = --no-such-option\n", "test_a.py": ""})
    found = collect(load_project(root, []))
    assert "--no-such-option" in found.failed
    assert "\n" not in found.failed


@pytest.mark.slow
def test_a_collection_that_hangs_is_ended_with_all_that_it_started(
    make_project: MakeProject, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    root = make_project({"conftest.py": HANGS.format(pids=str(pids)), "test_a.py": ""})
    assert collect(load_project(root, []), seconds=3).failed
    numbers = [int(number) for number in pids.read_text().split()]
    assert len(numbers) == 2
    assert not any(map(is_running, numbers))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
