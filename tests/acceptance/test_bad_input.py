"""What goes wrong around a gate: one clear line, the exit code of the table, no traceback."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nadia_checks.core.runner import GATE_VARIABLE
from nadia_checks.core.verdict import CheckResult
from nadia_checks.testing.project import commit_all, judge, run_gate_command

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

HEALTHY_TEST = "from bot import answer\n\n\ndef test_answer() -> None:\n    assert answer() == 42\n"
PYPROJECT = """\
[tool.nadia]
checks = [{checks}]
packages = ["bot.py"]

[tool.nadia.pytest]
workers = {workers}
time_limit = 20

[tool.pytest.ini_options]
pythonpath = ["."]
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Makes a committed project whose suite is the given text."""

    def make(suite: str, checks: str = '"pytest"', workers: int = 0) -> Path:
        root = tmp_path / "project"
        (root / "tests").mkdir(parents=True)
        (root / "pyproject.toml").write_text(PYPROJECT.format(checks=checks, workers=workers))
        (root / "bot.py").write_text("def answer() -> int:\n    return 42\n")
        (root / "tests" / "test_bot.py").write_text(suite)
        subprocess.run(["git", "init", "-q", root], check=True)
        commit_all(root, "start")
        return root

    return make


def only_result(root: Path) -> CheckResult:
    verdict = judge(root)
    assert len(verdict.checks) == 1
    return verdict.checks[0]


def test_the_project_of_these_tests_is_healthy(make: Callable[..., Path]) -> None:
    assert judge(make(HEALTHY_TEST)).verdict == "pass"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("how", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_suite_that_ends_the_interpreter(
    make: Callable[..., Path], workers: int, how: str
) -> None:
    root = make(
        HEALTHY_TEST + f"\n\ndef test_end() -> None:\n    import os, signal\n    {how}\n",
        workers=workers,
    )

    result = only_result(root)

    assert result.status == "error"
    assert result.reason
    assert run_gate_command(root).returncode == 3


def test_a_suite_that_hangs(make: Callable[..., Path]) -> None:
    root = make("import time\n\n\ndef test_hang() -> None:\n    time.sleep(600)\n")
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("time_limit = 20", "time_limit = 5"))

    result = only_result(root)

    assert result.status == "error"
    assert "longer than" in result.reason
    assert "test_hang" in result.reason


def test_a_suite_that_prints_a_gigabyte(make: Callable[..., Path]) -> None:
    root = make(
        HEALTHY_TEST
        + "\n\ndef test_noise(capfd) -> None:\n    import os\n    with capfd.disabled():\n"
        + "        for _ in range(1024):\n            os.write(1, b'x' * (1 << 20))\n"
    )

    assert judge(root).verdict == "pass"


@pytest.mark.parametrize(
    ("check", "module"),
    [
        ("lint", "ruff"),
        ("security", "bandit"),
        ("types", "mypy"),
        ("pytest", "coverage"),
        ("secrets", "detect_secrets"),
    ],
)
def test_a_missing_program(
    make: Callable[..., Path],
    check: str,
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n\nfound = PathFinder.find_spec\n\n\n"
        "def find_spec(name, path=None, target=None):\n"
        f"    if name.partition('.')[0] != {module!r}:\n        return found(name, path, target)\n"
        "\n\nPathFinder.find_spec = find_spec\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    root = make(HEALTHY_TEST, checks=f'"{check}"')
    with (root / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mypy]\nfiles = ['bot.py']\n")

    result = only_result(root)

    assert result.status == "error"
    assert "pip install 'pytest-nadia[all]'" in result.reason
    assert "\n" not in result.reason


def test_file_names_of_any_kind(make: Callable[..., Path]) -> None:
    root = make(HEALTHY_TEST, checks='"lint", "security", "secrets", "pytest"')
    odd = [b"with space.py", b"new\nline.py", b"caf\xe9.py", b"-dash.py", "\u202eabc.py".encode()]
    for name in odd:
        (root / os.fsdecode(name)).write_text("import os\n")
    commit_all(root, "odd names")

    verdict = judge(root, ["lint", "security", "secrets"])

    lint = verdict.checks[0]
    assert [(one.name, one.status, one.reason) for one in verdict.checks] == [
        ("lint", "fail", ""),
        ("security", "pass", ""),
        ("secrets", "pass", ""),
    ]
    assert len([one for one in lint.findings if one.rule == "ruff:F401"]) == len(odd)
    text = run_gate_command(root, "--only", "lint").stdout
    assert b"caf\\xe9.py" in text
    assert b"new\\nline.py" in text


def test_a_read_only_tree_is_judged_all_the_same(make: Callable[..., Path]) -> None:
    root = make(HEALTHY_TEST, checks='"lint", "security", "secrets", "types", "pytest"')
    with (root / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mypy]\nfiles = ['bot.py']\n")
    commit_all(root, "types")
    before = sorted(root.rglob("*"))
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "nadia_checks", "gate", root],
            capture_output=True,
            text=True,
            preexec_fn=without_privileges,
            env={key: value for key, value in os.environ.items() if key != GATE_VARIABLE},
        )
    finally:
        for path in [root, *before]:
            path.chmod(0o755)

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(make: Callable[..., Path], number: int) -> None:
    root = make(
        "import subprocess, sys, time\n\n\ndef test_hang() -> None:\n"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)\n"
        "    open('started', 'w').close()\n    time.sleep(600)\n"
    )
    gate = start_gate(root)

    gate.send_signal(number)
    _, errors = gate.communicate(timeout=60)

    assert gate.returncode == 130
    assert errors.decode().splitlines()[-1] == "nadia: interrupted"
    assert processes_of(root) == []


def test_a_killed_gate_leaves_nothing_behind(make: Callable[..., Path]) -> None:
    root = make(
        "import time\n\n\ndef test_hang() -> None:\n"
        "    open('started', 'w').close()\n    time.sleep(600)\n"
    )
    gate = start_gate(root)

    gate.kill()
    gate.communicate(timeout=60)

    deadline = time.monotonic() + 30
    while processes_of(root) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(root) == []


def start_gate(root: Path) -> subprocess.Popen[bytes]:
    """Starts a gate, and waits until the suite it runs has begun."""
    gate = subprocess.Popen(
        [sys.executable, "-P", "-m", "nadia_checks", "gate", root],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key != GATE_VARIABLE},
    )
    while not (root / "started").exists():
        assert gate.poll() is None
        time.sleep(0.05)
    return gate


def processes_of(root: Path) -> list[int]:
    """The living processes that a gate on this project started, by their environment."""
    mark = f"{GATE_VARIABLE}={root}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def without_privileges() -> None:
    """Makes root subject to the permissions of files, as everybody else is."""
    pr_capbset_drop, dac_override, dac_read_search = 24, 1, 2  # linux/prctl.h, linux/capability.h
    libc = ctypes.CDLL(None)
    for capability in (dac_override, dac_read_search):
        libc.prctl(pr_capbset_drop, capability, 0, 0, 0)
