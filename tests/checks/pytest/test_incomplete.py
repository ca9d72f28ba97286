"""What did not run did not pass: every way in which a run says nothing ends in a CheckError."""

from __future__ import annotations

import re
import resource
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from nadia_checks.core.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Outcome

    RunCheck = Callable[..., Outcome]
    Files = dict[str, str | bytes]

INI = "[pytest]\n"
DIE = "import os\n\ndef test_dies():\n    os._exit({code})\n"
HANG = "import time\n\ndef test_hangs():\n    time.sleep(60)\n"
LOUD = """\
import os

def test_loud(capfd):
    with capfd.disabled():
        for _ in range(3200):
            os.write(1, b"x" * 65535 + b"\\n")
"""
DEAF = """\
import signal, time

def test_hangs():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(60)
"""


def refusal(run_check: RunCheck, files: Files, **options: object) -> str:
    with pytest.raises(CheckError) as raised:
        run_check(files, **options)
    text = str(raised.value)
    assert "\n" not in text
    return text


def forget(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Makes the check believe that a module is not installed."""
    monkeypatch.setattr(
        "nadia_checks.pytest.command.find_spec",
        lambda name: None if name == module else find_spec(name),
    )


@pytest.mark.parametrize("code", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_interpreter_is_ended_by_a_test(run_check: RunCheck, app: Files, code: int) -> None:
    text = refusal(run_check, app | {"tests/test_z.py": DIE.format(code=code)})
    assert text.startswith("the test run is not complete: ")
    assert text.endswith("running: tests/test_z.py::test_dies")


@pytest.mark.slow
def test_a_worker_is_ended_by_a_test(run_check: RunCheck, app: Files) -> None:
    text = refusal(run_check, app | {"tests/test_z.py": DIE.format(code=0)}, workers=2)
    assert re.search(r"worker gw\d crashed while running tests/test_z.py::test_dies", text)


@pytest.mark.slow
def test_the_interpreter_crashes(run_check: RunCheck, app: Files) -> None:
    crash = "import ctypes\n\ndef test_crashes():\n    ctypes.string_at(0)\n"
    text = refusal(run_check, app | {"tests/test_z.py": crash})
    assert text.endswith("running: tests/test_z.py::test_crashes")


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "test"), [(0, HANG), (0, DEAF), (2, HANG)])
def test_a_test_hangs(run_check: RunCheck, app: Files, workers: int, test: str) -> None:
    text = refusal(run_check, app | {"tests/test_z.py": test}, workers=workers, time_limit=12)
    expected = "took longer than 6 s (time_limit 12 s); running: tests/test_z.py::test_hangs"
    assert text == expected


@pytest.mark.slow
def test_the_exit_code_is_changed_after_the_report(run_check: RunCheck, app: Files) -> None:
    test = "import atexit, os\natexit.register(os._exit, 0)\n\ndef test():\n    assert 0\n"
    text = refusal(run_check, app | {"tests/test_z.py": test})
    assert "pytest ended with 0 after its report was written" in text


@pytest.mark.slow
def test_the_run_stops_at_the_first_failure(run_check: RunCheck, app: Files) -> None:
    files = app | {"tests/test_a.py": "def test():\n    assert 0\n"}
    text = refusal(run_check, files, args=["-x"])
    assert "2 of 3 selected tests did not finish" in text
    assert text.endswith("remove -x and --maxfail")


def test_no_tests(run_check: RunCheck) -> None:
    text = refusal(run_check, {"pytest.ini": INI + "python_files = t_*.py\ntestpaths = here\n"})
    assert text == "no tests were collected: pytest looked for t_*.py in here"


@pytest.mark.slow
def test_no_tests_because_the_settings_are_ignored(run_check: RunCheck, tmp_path: Path) -> None:
    files: Files = {"pytest.ini": "[tool:pytest]\npython_files = t_*.py\n", "t_a.py": "x = 1\n"}
    text = refusal(run_check, files)
    assert text == (
        f"no tests were collected: pytest looked for test_*.py, *_test.py in {tmp_path}/project; "
        "pytest does not read [tool:pytest] in pytest.ini (NAD301)"
    )


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_all_deselected(run_check: RunCheck, app: Files, workers: int) -> None:
    text = refusal(run_check, app, args=["-k", "nothing"], workers=workers)
    assert text == "nothing ran: all 2 tests were deselected"


@pytest.mark.slow
@pytest.mark.parametrize("status", [1, 6, 77])
def test_an_exit_code_that_no_test_explains(run_check: RunCheck, app: Files, status: int) -> None:
    hook = f"def pytest_sessionfinish(session):\n    session.exitstatus = {status}\n"
    text = refusal(run_check, app | {"conftest.py": hook})
    assert f"pytest ended with {status}" in text


@pytest.mark.slow
def test_tests_that_were_only_collected(run_check: RunCheck, app: Files) -> None:
    text = refusal(run_check, app, args=["--collect-only"])
    assert text == "nothing ran: the tests were only collected (--collect-only)"


@pytest.mark.slow
def test_nothing_but_modules_that_do_not_collect(run_check: RunCheck) -> None:
    files: Files = {"app/__init__.py": "x = 1\n", "tests/test_app.py": "import nope\n"}
    text = refusal(run_check, files)
    assert text.startswith("no test ran: tests/test_app.py cannot be imported: ")
    assert "nope" in text


@pytest.mark.slow
def test_all_skipped(run_check: RunCheck, app: Files) -> None:
    skipped = "import pytest\n\npytestmark = pytest.mark.skip\n\ndef test():\n    pass\n"
    text = refusal(run_check, app | {"tests/test_app.py": skipped})
    assert text == "nothing ran: all 1 tests were skipped"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"pytest.ini": INI + "addopts = --no-such-option\n"},
            "pytest could not start: unrecognized arguments: --no-such-option "
            "(install the plugins of pytest that addopts need)",
        ),
        pytest.param(
            {"pytest.ini": INI + "minversion = 99\n"},
            "'minversion' requires pytest-99",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"pytest.ini": "no section\n"}, "pytest could not start: ", marks=pytest.mark.slow
        ),
        (
            {"conftest.py": "import nope\n"},
            "conftest.py: ModuleNotFoundError: No module named 'nope'",
        ),
        (
            {"setup.cfg": "[pytest]\nmarkers = x\n"},
            "pytest does not read [pytest] in setup.cfg: pyproject.toml goes first (NAD301)",
        ),
        (
            {
                "conftest.py": (
                    "def pytest_collection_modifyitems():\n    raise RuntimeError('boom')\n"
                )
            },
            "the test run is not complete: internal error: RuntimeError: boom",
        ),
    ],
)
def test_pytest_itself_fails(run_check: RunCheck, app: Files, files: Files, expected: str) -> None:
    assert expected in refusal(run_check, app | files)


@pytest.mark.slow
def test_no_report_is_written(run_check: RunCheck, app: Files) -> None:
    conftest = "import os\n\nprint('bye', flush=True)\nos._exit({})\n"
    text = refusal(run_check, app | {"conftest.py": conftest.format(0)})
    assert text.startswith("pytest wrote no report") or "not complete" in text


@pytest.mark.parametrize(("module", "workers"), [("pytest", 0), ("xdist", 2), ("coverage", 0)])
def test_a_program_is_missing(
    run_check: RunCheck, app: Files, monkeypatch: pytest.MonkeyPatch, module: str, workers: int
) -> None:
    forget(monkeypatch, module)
    text = refusal(run_check, app, workers=workers)
    assert text == f"{module} is not installed: pip install 'pytest-nadia[all]'"


@pytest.mark.slow
def test_no_workers_need_no_xdist(
    run_check: RunCheck, app: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(monkeypatch, "xdist")
    assert run_check(app).drafts == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "addition",
    [
        {"tests/test_app.py": "def test():\n    pass\n"},
        {"pytest.ini": INI + "testpaths = tests\n", ".coveragerc": "[run]\nsource = elsewhere\n"},
    ],
)
def test_nothing_was_measured(run_check: RunCheck, app: Files, addition: Files) -> None:
    text = refusal(run_check, app | addition)
    assert text.startswith("coverage measured nothing of app: ")


def test_a_configuration_of_coverage_that_is_wrong(run_check: RunCheck, app: Files) -> None:
    text = refusal(run_check, app | {".coveragerc": "[run]\nbranch = perhaps\n"})
    assert text.startswith("coverage cannot read its configuration: ")


@pytest.mark.slow
def test_two_hundred_megabytes_of_output(run_check: RunCheck, app: Files) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = run_check(app | {"tests/test_loud.py": LOUD})
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (outcome.drafts, outcome.metrics["tests"]) == ([], 3)
    assert grown * 1024 < 50e6
