"""The check `monitoring` as a whole: when it applies, and what it does with what it cannot read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import load_project
from nadia_checks.monitoring import documents, promql
from nadia_checks.monitoring.check import MonitoringCheck
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.rules import RULES

pytestmark = pytest.mark.integration

RULE_FILE = "groups:\n- name: a\n  rules:\n  - alert: Down\n    expr: up == 0\n"


def reason(root: Path) -> str:
    return MonitoringCheck().not_applicable(load_project(root, CHECK_NAMES))


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "x = 1\n", "package.json": "{}", "config.yaml": "groups: [a]\n"},
        {"tests/data/rules.yml": RULE_FILE, "vendor/x/.env.example": "A=1\n"},
        {".github/workflows/ci.yml": "on: push\nenv: {A: b}\n"},
        {
            "pyproject.toml": '[tool.nadia.monitoring]\nexclude = ["old"]\n',
            "old/rules.yml": RULE_FILE,
        },
    ],
)
def test_a_project_without_such_files_is_left_alone(make_project: Any, files: Any) -> None:
    assert reason(make_project(files)).startswith("there are no alert rules, dashboards")


@pytest.mark.parametrize(
    "files",
    [
        {"rules.yml": RULE_FILE},
        {"d.json": '{"panels": [], "schemaVersion": 39}'},
        {"deploy/bot.service": "[Service]\n"},
        {"crontab": ""},
        {".env.example": ""},
        {"docker-compose.prod.yml": ""},
        {"pyproject.toml": '[tool.nadia.monitoring]\npaths = ["gone.yml"]\n'},
        {"pyproject.toml": "[tool.nadia.monitoring.thresholds]\nup = 1\n"},
    ],
)
def test_a_project_with_one_such_file_is_judged(make_project: Any, files: Any) -> None:
    assert reason(make_project(files)) == ""


def test_what_cannot_be_read_is_an_error(make_project: Any, run_unprivileged: Any) -> None:
    root = make_project({"rules.yml": RULE_FILE})
    (root / "rules.yml").chmod(0)

    assert "rules.yml cannot be read" in str(run_unprivileged("monitoring", root))


@pytest.mark.parametrize(("module", "package"), [(documents, "PyYAML"), (promql, "promql-parser")])
def test_a_library_that_is_missing_is_an_error(
    look: Any, monkeypatch: pytest.MonkeyPatch, module: Any, package: str
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    with pytest.raises(CheckError, match=f"{package} is not installed: pip install"):
        look({"rules.yml": RULE_FILE})


def test_says_how_much_it_looked_at(look: Any) -> None:
    panel = '{"panels": [{"type": "stat", "gridPos": {}}]}'
    unit = "[Service]\nExecStart=/bin/true\n"

    metrics = look({"rules.yml": RULE_FILE, "d.json": panel, "a.service": unit}).metrics

    assert metrics == {"files": 3, "alerts": 1, "panels": 1, "templates_skipped": 0}


@pytest.mark.unit
def test_every_rule_is_explained() -> None:
    numbers = [rule.number for rule in RULES]

    assert [number for number in MonitoringCheck.rules if number not in numbers] == []
    assert sorted(MonitoringCheck.rules) == [f"NAD80{digit}" for digit in range(2, 10)]
