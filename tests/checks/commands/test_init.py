from __future__ import annotations

import ctypes
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from nadia_checks import cli
from nadia_checks.core import baseline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeProject = Callable[[dict[str, str | bytes]], Path]

FILES: dict[str, str | bytes] = {
    "bot/__init__.py": "import os\n\n\ndef half(x):\n    if x:\n        return 1\n    return 2\n",
    "bot/never.py": "def never():\n    return 1\n",
    "tests/test_bot.py": (
        "import bot\n\n\ndef test_one():\n    assert bot.half(1) == 1\n\n\n"
        "def test_bad():\n    assert bot.half(1) == 2\n"
    ),
    "tests/test_broken.py": "import nothing_of_this_name\n",
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "pyproject.toml": '[project]\r\nname = "bot"  # ours\r\n',
    ".pre-commit-config.yaml": (
        "# Hooks\nrepos:\n- repo: https://example.org/ruff\n  hooks:\n  - id: ruff\n"
    ),
}
WRITTEN = [
    ".gitattributes",
    ".nadia/baseline",
    ".nadia/salt",
    ".pre-commit-config.yaml",
    "pyproject.toml",
]


@pytest.fixture
def root(make_project: MakeProject) -> Path:
    return make_project(FILES)


def snapshot(root: Path) -> dict[str, str]:
    """Every file and folder below `root`, with its content's hash."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in root.rglob("*")
        if ".git" not in path.relative_to(root).parts
    }


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    both = before.keys() | after.keys()
    return sorted(name for name in both if before.get(name) != after.get(name))


@dataclass
class Adopted:
    """A project on which `nadia init --yes` ran in a folder of it, and what that printed."""

    root: Path
    before: dict[str, str]
    exit_code: int
    out: str


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adopted]:
    root = tmp_path_factory.mktemp("adopted")
    for name, content in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(str(content).encode())
    for command in (["git", "init", "-q"], ["git", "add", "-A"]):
        subprocess.run(command, check=True, cwd=root)
    before = snapshot(root)
    with pytest.MonkeyPatch.context() as patch, io.StringIO() as out, redirect_stdout(out):
        patch.delenv("NADIA_GATE", raising=False)
        patch.chdir(root / "bot")
        yield Adopted(root, before, cli.main(["init", "--yes"]), out.getvalue())


def test_writes_five_files_and_says_what_it_saw(adopted: Adopted) -> None:
    assert adopted.exit_code == 0
    assert [n for n in changed(adopted.before, snapshot(adopted.root)) if n != ".nadia"] == WRITTEN
    out = adopted.out
    assert "pytest reads its settings from pytest.ini\n" in out
    assert "pytest collects 2 tests\npytest cannot collect 1 module\n" in out
    assert "the hook ruff looks for what the check 'lint' looks for too" in out
    assert "https://example.org/ruff has no rev" in out
    assert out.index("running the gate once") < out.index("+[tool.nadia]") < out.index("PASS")


def test_knows_what_fails_today(adopted: Adopted) -> None:
    assert {known.entry.rule for known in baseline.read(adopted.root)} == {
        "pytest:collect",
        "pytest:failed",
        "ruff:F401",
    }
    assert "known from now on: 4 findings; only what is new fails\n" in adopted.out
    assert "  1 failing test among them; 1 of them because of:\n  assert " in adopted.out


def test_writes_the_configuration_of_today(adopted: Adopted) -> None:
    text = (adopted.root / "pyproject.toml").read_bytes().decode()
    assert text.startswith(str(FILES["pyproject.toml"]))
    assert text.count("\n") == text.count("\r\n")
    assert tomllib.loads(text)["tool"]["nadia"] == {
        "checks": ["lint", "security", "secrets", "pytest"],
        "packages": ["bot"],
        "pytest": {"workers": 0, "line_floor": 57, "branch_floor": 50},
    }


def test_a_second_run_changes_nothing_and_says_so(
    adopted: Adopted, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(adopted.root)
    assert cli.main(["init", str(adopted.root), "--yes"]) == 0
    out = capsys.readouterr().out
    assert changed(before, snapshot(adopted.root)) == []
    assert "has [tool.nadia] already" in out
    assert out.endswith("nothing to change\n")


def test_the_next_step_can_be_pasted(adopted: Adopted) -> None:
    (line,) = [one for one in adopted.out.splitlines() if one.startswith("next: ")]
    command = line.removeprefix("next: ").replace("git commit", "git diff --name-only --cached")
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    there = adopted.root / "bot"
    staged = subprocess.run(
        ["sh", "-c", command], check=True, env=env, cwd=there, capture_output=True, text=True
    )
    assert set(WRITTEN) <= set(staged.stdout.split())


@pytest.mark.slow
def test_the_gate_is_green_afterwards(adopted: Adopted) -> None:
    assert cli.main(["gate", str(adopted.root)]) == 0


@pytest.mark.slow
def test_a_dry_run_shows_everything_and_leaves_nothing_behind(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = snapshot(root)
    assert cli.main(["init", str(root), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert changed(before, snapshot(root)) == []
    for name in WRITTEN:
        assert f"+++ b/{name}\n" in out
    assert out.endswith("dry run: nothing was written\n")


@pytest.mark.parametrize(
    ("answer", "writes"), [("", True), ("Y", True), ("n", False), (None, False)]
)
def test_asks_once_on_a_terminal(
    make_project: MakeProject,
    answer: str | None,
    writes: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = make_project({"pyproject.toml": "[tool.nadia]\n"})
    asked = []

    def reply(question: str) -> str:
        asked.append(question)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", reply)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(["init", str(root)]) == 0
    assert asked == ["write this? [Y/n] "]
    assert (root / ".gitattributes").exists() == writes
    assert ("nothing was written" in capsys.readouterr().out) != writes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_configured_project_gets_what_it_lacks(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project(
        {"pyproject.toml": "[tool.nadia]\nchecks = ['lint']\n", "a.py": "import os\n"}
    )
    before = snapshot(root)
    assert cli.main(["init", str(root), "--yes"]) == 0
    assert changed(before, snapshot(root)) == [".gitattributes", ".pre-commit-config.yaml"]
    assert "running the gate" not in capsys.readouterr().out


@pytest.mark.slow
def test_ignored_settings_are_reported_first_with_their_repair(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[str, str | bytes] = {"pytest.ini": "[tool:pytest]\naddopts = -q\n", "a.py": ""}
    cli.main(["init", str(make_project(files)), "--dry-run"])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "pytest.ini:1: pytest does not read [tool:pytest] in pytest.ini",
        "  in pytest.ini, rename the section",
        "  [tool:pytest] to [pytest]",
    ]


@pytest.mark.slow
def test_a_check_that_cannot_run_is_left_out_and_said(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project({"a.py": "", "test_a.py": "# no test yet\n"})
    assert cli.main(["init", str(root), "--yes"]) == 0
    out = capsys.readouterr().out
    assert "not watched yet: pytest could not run: no tests were collected" in out
    assert 'add "pytest" to checks in [tool.nadia], then: nadia baseline write' in out
    text = (root / "pyproject.toml").read_text()
    assert tomllib.loads(text)["tool"]["nadia"]["checks"] == ["lint", "security", "secrets"]
    assert '# "pytest" could not run and is left out: no tests were collected' in text
    assert cli.main(["gate", str(root)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "files", "why"),
    [
        ("pytest", {"test_a.py": "import nothing_of_this_name\n"}, "no test ran: test_a.py "),
        ("types", {"a.py": "def f(:\n", "mypy.ini": "[mypy]\nfiles = a.py\n"}, "mypy stopped at"),
    ],
)
def test_a_check_that_saw_too_little_is_left_out(
    make_project: MakeProject,
    name: str,
    files: dict[str, str | bytes],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = make_project(files)
    assert cli.main(["init", str(root), "--yes"]) == 0
    assert f"not watched yet: {name} could not run: {why}" in capsys.readouterr().out
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["nadia"]
    assert name not in table["checks"]
    assert cli.main(["gate", str(root)]) == 0


@pytest.mark.slow
def test_says_how_to_add_files_that_git_ignores(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project({"a.py": "import os\n", ".gitignore": "/.nadia/\n"})
    monkeypatch.chdir(root)
    assert cli.main(["init", "--yes"]) == 0
    *_, note, command, _gate = capsys.readouterr().out.splitlines()
    assert note.startswith("git ignores .nadia/salt and 1 more (.gitignore:1:/.nadia/), but ")
    command = command.removeprefix("next: ").partition(" && ")[0]
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(["sh", "-c", command], check=True, env=env)


def test_writes_nothing_where_no_check_can_run(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project({"ruff.toml": "no-such-key = 1\n", ".nadia/salt": "0" * 32 + "\n"})
    (root / ".secrets.baseline").write_text("{")
    before = snapshot(root)
    assert cli.main(["init", str(root), "--yes"]) == 3
    assert changed(before, snapshot(root)) == []
    assert "no check could run, so nothing was written:\n" in capsys.readouterr().out


@pytest.mark.slow
def test_workers_stay_as_they_are_where_the_project_uses_xdist(make_project: MakeProject) -> None:
    root = make_project(
        {"test_a.py": "def test_a():\n    pass\n", "requirements.txt": "pytest-xdist\n"}
    )
    cli.main(["init", str(root), "--yes"])
    assert "workers" not in (root / "pyproject.toml").read_text()


@pytest.mark.slow
def test_where_nobody_can_agree_nothing_is_written(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project({"a.py": "import os\n"})
    before = snapshot(root)
    assert cli.main(["init", str(root)]) == 2
    assert "pass --dry-run to look, or --yes to write" in capsys.readouterr().err
    assert changed(before, snapshot(root)) == []


@pytest.mark.slow
def test_floors_are_today_s_values(
    make_project: MakeProject,
) -> None:
    root = make_project(
        {
            "bot/__init__.py": "X = 1\n",
            "test_a.py": "import bot\n\n\ndef test_a():\n    assert bot.X\n",
            "pytest.ini": "[pytest]\npythonpath = .\n",
        }
    )
    cli.main(["init", str(root), "--yes"])
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["nadia"]["pytest"]
    assert (table["line_floor"], table.get("branch_floor")) == (100, None)


@pytest.mark.slow
def test_a_project_below_the_repository_is_named_in_the_hook(make_project: MakeProject) -> None:
    top = make_project({"services/bot/pyproject.toml": "", "services/bot/a.py": ""})
    assert cli.main(["init", str(top / "services/bot"), "--yes"]) == 0
    config = yaml.safe_load((top / ".pre-commit-config.yaml").read_text())
    assert config["repos"][0]["hooks"][0]["args"] == ["services/bot"]
    assert (top / "services/bot/.gitattributes").exists()
    assert not (top / ".gitattributes").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pyproject.toml": "[tool\n"}, "is not valid TOML"),
        ({"pyproject.toml": "tool = {a = 1}\n", "a.py": ""}, "cannot be added at its end"),
        ({".pre-commit-config.yaml": "repos: [\n"}, "is not valid YAML"),
        ({".pre-commit-config.yaml": "repos: []\n"}, "add this entry to it"),
        ({".pre-commit-config.yaml": b"\xff\n"}, "is not UTF-8 text"),
        ({".nadia/salt": "no\n"}, ".nadia/salt is not a line"),
        ({".nadia/baseline": "no\n", "a.py": ""}, ".nadia/baseline:1 is not a baseline entry"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    files: dict[str, str | bytes],
    said: str,
    make_project: MakeProject,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = make_project(files)
    before = snapshot(root)
    assert cli.main(["init", str(root), "--yes"]) == 2
    assert changed(before, snapshot(root)) == []
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_folder_in_no_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init", str(tmp_path), "--yes"]) == 2
    assert "is not in a git repository" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def without_privileges() -> None:
    """Makes root subject to the permissions of files, as everybody else is."""
    pr_capbset_drop, dac_override, dac_read_search = 24, 1, 2  # linux/prctl.h, linux/capability.h
    libc = ctypes.CDLL(None)
    for capability in (dac_override, dac_read_search):
        libc.prctl(pr_capbset_drop, capability, 0, 0, 0)


@pytest.mark.parametrize("command", [["init", "--yes"], ["baseline", "write", "--only", "lint"]])
def test_a_read_only_tree_is_one_line(
    root: Path, command: list[str], clean_env: dict[str, str]
) -> None:
    before = snapshot(root)
    root.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-m", "nadia_checks", *command, str(root)],
        env=clean_env,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=without_privileges,
    )
    root.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "done" not in done.stdout
    assert changed(before, snapshot(root)) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_everything_as_it_was(
    make_project: MakeProject, number: int, clean_env: dict[str, str]
) -> None:
    root = make_project({"test_a.py": "import time\n\n\ndef test_hang():\n    time.sleep(600)\n"})
    before = snapshot(root)
    child = subprocess.Popen(
        [sys.executable, "-m", "nadia_checks", "init", "--yes"],
        cwd=root,
        env=clean_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("lint "):
            break
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert errors == "nadia: interrupted\n"
    assert changed(before, snapshot(root)) == []


HANGS = """\
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "600"])
pids = pathlib.Path({pids!r})
pids.with_suffix(".new").write_text(f"{{os.getpid()}} {{child.pid}}")
pids.with_suffix(".new").rename(pids)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_collection_leaves_no_process(
    make_project: MakeProject, tmp_path: Path, number: int, clean_env: dict[str, str]
) -> None:
    pids = tmp_path / "pids"
    root = make_project({"conftest.py": HANGS.format(pids=str(pids)), "test_a.py": ""})
    before = snapshot(root)
    child = subprocess.Popen(
        [sys.executable, "-m", "nadia_checks", "init", "--dry-run"],
        cwd=root,
        env=clean_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not pids.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (130, "nadia: interrupted\n")
    assert not any(is_running(int(pid)) for pid in pids.read_text().split())
    assert changed(before, snapshot(root)) == []


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
