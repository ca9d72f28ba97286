from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import pytest

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import BLOCK, Completed, run_program

pytestmark = pytest.mark.integration


def python(code: str, *, cwd: Path, time_limit: float | None = None) -> Completed:
    return run_program(
        [sys.executable, "-c", code], cwd=cwd, time_limit=time_limit, stdout_limit=1 << 20
    )


def test_output_and_exit_code(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('oops', file=sys.stderr); sys.exit(3)"

    done = python(code, cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"oops\n")
    assert (done.last_line, done.cut) == ("oops", False)


def test_silence_has_a_last_line_too(tmp_path: Path) -> None:
    assert python("", cwd=tmp_path).last_line == "no output"


def test_output_beyond_the_limit_is_dropped_and_said(tmp_path: Path) -> None:
    tracemalloc.start()
    done = python("import os\nfor _ in range(2000): os.write(1, b'x' * 65536)", cwd=tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert done.cut
    assert len(done.stdout) == 1 << 20
    assert peak < 16 << 20


def test_of_errors_the_first_and_the_last_are_kept(tmp_path: Path) -> None:
    code = "import os\nfor i in range(100000): os.write(2, b'line %d\\n' % i)"

    done = python(code, cwd=tmp_path)

    assert done.stderr.startswith(b"line 0\n")
    assert done.last_line == "line 99999"
    assert len(done.stderr) == 2 * BLOCK


@pytest.mark.slow
def test_at_the_limit_it_is_interrupted(tmp_path: Path) -> None:
    code = (
        "import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: print('tidied', flush=True)"
    )

    assert python(code, cwd=tmp_path, time_limit=1).stdout == b"tidied\n"


@pytest.mark.slow
def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(600)"
    )

    done = python(code, cwd=tmp_path, time_limit=2)

    stat = Path(f"/proc/{int(done.stdout)}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()


def test_it_reads_nothing_from_our_input(tmp_path: Path) -> None:
    assert python("import sys; print(repr(sys.stdin.read()))", cwd=tmp_path).stdout == b"''\n"


def test_a_missing_program_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"^/nowhere/ruff cannot be started .*pip install"):
        run_program(["/nowhere/ruff"], cwd=tmp_path)


def test_many_small_writes_are_kept_as_one_text(tmp_path: Path) -> None:
    code = "import os, time\nfor _ in range(50): os.write(2, b'x'); time.sleep(0.001)"

    assert python(code, cwd=tmp_path).stderr == b"x" * 50
