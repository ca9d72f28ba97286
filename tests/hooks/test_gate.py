from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from nadia_checks import cli
from nadia_checks.adoption.precommit import gate_entry
from nadia_hooks import gate

HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    seen: list[list[str]] = []

    def main(arguments: list[str]) -> int:
        seen.append(arguments)
        return 3

    monkeypatch.setattr(cli, "main", main)
    return seen


def test_gives_its_arguments_to_the_gate_and_its_exit_code_back(calls: list[list[str]]) -> None:
    assert gate.main(["--only", "lint"]) == 3
    assert calls == [["gate", "--only", "lint"]]


def test_reads_the_command_line(calls: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["nadia-gate", "services/bot"])
    gate.main()
    assert calls == [["gate", "services/bot"]]


def test_a_wrong_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["--no-such-option"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def declared() -> dict[str, Any]:
    (hook,) = [one for one in yaml.safe_load(HOOKS.read_text()) if one["id"] == "nadia-gate"]
    assert isinstance(hook, dict)
    return hook


def test_is_declared_as_init_writes_it() -> None:
    (local,) = gate_entry("")["hooks"]
    hook = declared()
    assert {key: hook[key] for key in local} == local
    assert set(hook) - set(local) == {"description", "minimum_pre_commit_version"}


def pre_commit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= {"PATH": programs, "PRE_COMMIT_HOME": str(folder.parent / "home"), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_pre_commit_takes_the_declaration() -> None:
    done = pre_commit(HOOKS.parent, "validate-manifest", HOOKS.name)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_pre_commit_runs_it_by_hand_and_before_a_push(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text('[tool.nadia]\nchecks = ["lint"]\n')
    (root / "a.py").write_text("X = 1\n")
    (root / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [gate_entry("")]}))
    for command in (["git", "init", "-q"], ["git", "add", "-A"]):
        subprocess.run(command, check=True, cwd=root)

    at_commit = pre_commit(root, "run", "--all-files")
    assert (at_commit.returncode, at_commit.stdout) == (0, "")

    for stage in ("manual", "pre-push"):
        done = pre_commit(root, "run", "--hook-stage", stage, "--verbose")
        assert done.returncode == 0, done.stdout
        assert "PASS" in done.stdout

    (root / "a.py").write_text("import os\n")
    done = pre_commit(root, "run", "--hook-stage", "manual", "--all-files")
    assert done.returncode == 1
    assert "ruff:F401" in done.stdout
