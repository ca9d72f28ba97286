"""The workflow that we give away: valid, safe, and fit to be a required check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.integration

WORKFLOW = Path(__file__).resolve().parents[1] / "examples" / "workflows" / "nadia.yml"


@pytest.fixture
def workflow() -> dict[Any, Any]:
    document = yaml.safe_load(WORKFLOW.read_text())
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize(
    "command",
    [
        ["zizmor", "--offline", "--no-progress", "--strict-collection", "--persona=pedantic"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ],
)
def test_linters_find_nothing(command: list[str]) -> None:
    program = Path(sys.executable).parent / command[0]

    done = subprocess.run([program, *command[1:], WORKFLOW], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_linter_would_find_something(tmp_path: Path) -> None:
    broken = tmp_path / "nadia.yml"
    broken.write_text(WORKFLOW.read_text().replace("persist-credentials: false", "fetch-depth: 0"))

    program = Path(sys.executable).parent / "zizmor"
    done = subprocess.run([program, "--offline", "--no-progress", broken], capture_output=True)

    assert done.returncode != 0


def test_one_job_of_fixed_name_reports_on_every_pull_request(workflow: dict[Any, Any]) -> None:
    events = workflow[True]  # YAML 1.1 reads the key `on` as a boolean

    assert {"pull_request", "merge_group"} <= set(events)
    assert [event for event, options in events.items() if "paths" in (options or {})] == []
    assert [job["name"] for job in workflow["jobs"].values()] == ["nadia"]
    assert "if" not in workflow["jobs"]["nadia"]


def test_nothing_is_swallowed(workflow: dict[Any, Any]) -> None:
    text = WORKFLOW.read_text()

    assert "||" not in text
    assert "continue-on-error" not in text
    assert "nadia gate" in [step.get("run") for step in workflow["jobs"]["nadia"]["steps"]]
