"""An old project adopts the gate: green at once, and red for whatever is new."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

HOOKS = """\
# What we run at every commit.
repos:
-   repo: https://example.org/pre-commit-hooks
    rev: v4.0.0  # do not move
    hooks:
    -   id: trailing-whitespace
    -   id: detect-secrets
        args: [--baseline, .secrets-of-old.json]
    # -   id: mypy

# The service that runs them.
ci:
    skip: [detect-secrets]
"""
MODULES = 30
UNUSED_IMPORTS = 100


def secret(letter: str) -> str:
    """The shape of a key, never whole in a file of this repository."""
    return "AK" + "IA" + f"QWERTY{letter}IOPASDFGH"[:16].ljust(16, "Z")


def module(number: int) -> str:
    imports = "".join(f"import os as os_{n}\n" for n in range(UNUSED_IMPORTS))
    branches = "".join(f"    if x == {n}:\n        return {n}\n" for n in range(10))
    return f"{imports}\ndef choose(x):\n{branches}    return x\n"


def body_of_test(number: int) -> str:
    expected = 1 if number % 3 else 2
    return (
        f"from bot.module_{number} import choose\n\n\n"
        f"def test_choose():\n    assert choose(1) == {expected}\n"
    )


@dataclass
class OldProject:
    root: Path
    env: dict[str, str]

    def nadia(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "nadia_checks", *arguments],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def gate(self, *arguments: str) -> tuple[int, dict[str, set[str]]]:
        """The exit code, and the new failing rules of each check that is red."""
        done = self.nadia("gate", "--format", "json", *arguments)
        verdict: dict[str, Any] = json.loads(done.stdout)
        assert verdict["verdict"] != "incomplete", done.stdout[-3000:]
        return done.returncode, {
            check["name"]: {one["rule"] for one in check["findings"] if not one["baselined"]}
            for check in verdict["checks"]
            if check["status"] != "pass"
        }

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
        subprocess.run(["git", *identity, *arguments], cwd=self.root, env=self.env, check=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Step")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def snapshot(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file()
            else ""
            for path in self.root.rglob("*")
            if ".git" not in path.relative_to(self.root).parts
        }


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> OldProject:
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("NADIA_", "PYTEST_", "GIT_", "COV"))
    }
    project = OldProject(tmp_path_factory.mktemp("old"), env)
    project.write("bot/__init__.py", "")
    for number in range(MODULES):
        project.write(f"bot/module_{number}.py", module(number))
        project.write(f"tests/test_{number}.py", body_of_test(number))
    for number in range(3):
        project.write(f"tests/test_lost_{number}.py", f"import tiktoken_{number}\n")
    project.write("bot/settings.py", f'KEY = "{secret("U")}"\n')
    project.write("pytest.ini", "[tool:pytest]\ntestpaths = tests\n")
    project.write("conftest.py", "")
    project.write("setup.py", "from setuptools import setup\n\nsetup(name='bot')\n")
    project.write(".gitignore", "__pycache__/\n.*_cache/\n.benchmarks/\n")
    project.write(".pre-commit-config.yaml", HOOKS)
    project.git("init", "--quiet", "--initial-branch=main")
    project.commit()
    return project


@pytest.fixture(scope="module")
def adopted(untouched: OldProject) -> OldProject:
    done = untouched.nadia("init", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    untouched.commit()
    return untouched


def test_a_preview_writes_nothing_and_names_the_next_step(untouched: OldProject) -> None:
    before = untouched.snapshot()
    done = untouched.nadia()
    assert untouched.snapshot() == before
    assert done.stdout.rstrip().endswith("next: nadia init"), done.stdout + done.stderr
    assert len(done.stdout.splitlines()) < 100


def test_a_dry_run_writes_nothing(untouched: OldProject) -> None:
    before = untouched.snapshot()
    done = untouched.nadia("init", "--dry-run")
    assert done.returncode == 0
    assert untouched.snapshot() == before
    lines = done.stdout.splitlines()
    assert lines[0] == "pytest.ini:1: pytest does not read [tool:pytest] in pytest.ini"
    assert "  [tool:pytest] to [pytest]" in lines[:3]
    assert "names --baseline .secrets-of-old.json, which does not exist" in done.stdout


def test_the_first_gate_is_green(adopted: OldProject) -> None:
    assert adopted.gate() == (0, {})
    lines = (adopted.root / ".nadia/baseline").read_text().splitlines()
    rules = [line.partition("\t")[0] for line in lines]
    assert rules.count("pytest:failed") == MODULES / 3
    assert rules.count("pytest:collect") == 3
    assert rules.count("NAD301") == 1
    assert rules.count("ruff:F401") >= MODULES * UNUSED_IMPORTS
    assert len(rules) == len(set(lines))


def test_the_hooks_of_old_are_kept(adopted: OldProject) -> None:
    text = (adopted.root / ".pre-commit-config.yaml").read_text()
    ours = text.index("-   repo: local\n")
    end = text.index("\n# The service")
    assert text[:ours] + text[end:] == HOOKS
    assert [one["repo"] for one in yaml.safe_load(text)["repos"]][-1] == "local"


def test_a_second_init_changes_nothing(adopted: OldProject) -> None:
    before = adopted.snapshot()
    done = adopted.nadia("init", "--yes")
    assert done.returncode == 0
    assert adopted.snapshot() == before
    assert "nothing to change" in done.stdout


def test_nothing_of_the_secret_is_committed_beside_it(adopted: OldProject) -> None:
    value = secret("U")
    assert (adopted.root / ".nadia/secrets.baseline").exists()
    for path in (adopted.root / ".nadia").iterdir():
        assert value[4:12] not in path.read_text()


@pytest.mark.parametrize(
    ("name", "text", "check", "rule"),
    [
        ("tests/test_new.py", "def test_new():\n    assert False\n", "pytest", "pytest:failed"),
        ("tests/test_new.py", "from nowhere import x  # noqa\n", "pytest", "pytest:collect"),
        ("bot/new.py", "def f(:\n", "lint", ""),
        ("bot/new.py", "import os\n", "lint", "ruff:F401"),
        ("bot/new.py", f'KEY = "{secret("V")}"\n', "secrets", "detect-secrets:aws-access-key"),
        (
            "bot/new.py",
            "def f(x):\n" + "".join(f"    print({n})\n" for n in range(900)),
            "pytest",
            "coverage:lines",
        ),
    ],
    ids=["failing test", "broken module", "syntax error", "lint", "secret", "coverage"],
)
def test_what_is_new_is_red(
    adopted: OldProject, name: str, text: str, check: str, rule: str
) -> None:
    adopted.write(name, text)
    adopted.git("add", "--intent-to-add", name)
    try:
        code, red = adopted.gate()
    finally:
        adopted.git("rm", "--quiet", "--force", name)
    assert code == 1
    assert check in red
    assert rule in red[check] or not rule
    assert "NAD801" not in red[check]


def test_moved_lines_are_recognised(adopted: OldProject) -> None:
    path = adopted.root / "bot/module_0.py"
    before = path.read_text()
    path.write_text('"""Now with a few words."""\n\n\n' + before)
    test = adopted.root / "tests/test_0.py"
    test_before = test.read_text()
    test.write_text("# moved\n" * 5 + test_before)
    try:
        assert adopted.gate() == (0, {})
    finally:
        path.write_text(before)
        test.write_text(test_before)


def test_what_is_repaired_must_be_pruned(adopted: OldProject) -> None:
    adopted.write("tests/test_0.py", body_of_test(1).replace("module_1", "module_0"))
    adopted.write("tests/test_lost_0.py", "def test_found():\n    pass\n")
    adopted.write("bot/settings.py", "KEY = None\n")
    code, red = adopted.gate()
    assert code == 1
    assert {"pytest", "secrets"} <= red.keys()
    assert set.union(*red.values()) == {"NAD801"}

    done = adopted.nadia("baseline", "prune")
    assert done.returncode == 0, done.stderr
    assert "0 added" in done.stdout
    assert adopted.gate() == (0, {})

    adopted.commit()
    shown = adopted.nadia("baseline", "show").stdout
    assert "direction: shrinking " in shown
    assert "oldest:    0 days" in shown
