"""Whole runs of suites that come to their end."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from nadia_checks.pytest.check import PytestCheck

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Draft, Outcome
    from nadia_checks.core.project import Project
    from pytest_nadia.finding import Finding

    RunCheck = Callable[..., Outcome]
    ByRule = Callable[[Outcome, str], list[Draft]]
    Files = dict[str, str | bytes]

MIXED = """\
import unittest
import pytest

def test_good():
    assert True

def test_bad():
    assert 1 == 2

@pytest.fixture
def broken():
    raise RuntimeError("no service")

def test_error(broken):
    pass

@pytest.mark.skip
def test_skipped():
    pass

@pytest.mark.xfail
def test_xfailed():
    assert False

@pytest.mark.xfail(strict=True)
def test_strict():
    pass

class Old(unittest.TestCase):
    def test_unittest(self):
        self.assertEqual(1, 3)

@pytest.mark.parametrize("text", ["a b", "it's"])
def test_text(text):
    assert not text
"""


def slow(*values: object) -> list[Any]:
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def failed(outcome: Outcome) -> set[str]:
    return {str(draft.content) for draft in outcome.drafts if draft.rule == "pytest:failed"}


def test_a_healthy_project(run_check: RunCheck, app: Files, tmp_path: Path) -> None:
    outcome = run_check(app)
    assert outcome.drafts == []
    assert outcome.metrics == {
        "run": 1,
        "tests": 2,
        "failed": 0,
        "skipped": 0,
        "deselected": 0,
        "uncollected": 0,
        "lines": 100,
        "branches": 100,
        "statements_counted": 4,
        "branches_counted": 2,
    }
    assert not list((tmp_path / "project").glob(".coverage*"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, *slow(2)])
def test_every_kind_of_failure(
    run_check: RunCheck, by_rule: ByRule, app: Files, workers: int
) -> None:
    outcome = run_check(app | {"tests/test_mixed.py": MIXED}, workers=workers)
    node = "tests/test_mixed.py::"
    assert failed(outcome) == {
        f"{node}test_bad",
        f"{node}test_error",
        f"{node}test_strict",
        f"{node}Old::test_unittest",
        f"{node}test_text[a b]",
        f"{node}test_text[it's]",
    }
    bad = next(d for d in outcome.drafts if str(d.content).endswith("test_bad"))
    assert (bad.path, bad.line) == ("tests/test_mixed.py", 7)
    assert bad.message == f"{node}test_bad: assert 1 == 2"
    assert bad.help == f"pytest {node}test_bad"
    assert outcome.metrics["failed"] == 6
    assert outcome.metrics["skipped"] == 1
    assert outcome.metrics["tests"] == 11


@pytest.mark.slow
def test_the_help_can_be_pasted(run_check: RunCheck, app: Files, tmp_path: Path) -> None:
    outcome = run_check(app | {"tests/test_mixed.py": MIXED})
    draft = next(d for d in outcome.drafts if "it's" in str(d.content))
    argv = [sys.executable, "-m", *shlex.split(draft.help)]
    done = subprocess.run(
        argv, cwd=tmp_path / "project", capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "1 failed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, *slow(2)])
def test_modules_that_do_not_collect(
    run_check: RunCheck, by_rule: ByRule, app: Files, workers: int
) -> None:
    broken: Files = {"tests/test_import.py": "import nope\n", "tests/test_syntax.py": "def :\n"}
    outcome = run_check(app | broken, workers=workers)
    drafts = by_rule(outcome, "pytest:collect")
    assert [draft.path for draft in drafts] == list(broken)
    assert outcome.unseen == list(broken)
    assert {draft.content for draft in drafts} == {"does not collect"}
    assert "No module named 'nope'" in drafts[0].message
    assert drafts[0].help == "pytest tests/test_import.py --collect-only"
    assert (outcome.metrics["uncollected"], outcome.metrics["tests"]) == (2, 2)


@pytest.mark.slow
def test_doctests(run_check: RunCheck) -> None:
    text = '"""\n>>> 1 + 1\n3\n"""\n'
    outcome = run_check(
        {
            "pytest.ini": "[pytest]\naddopts = --doctest-modules\n",
            "app/__init__.py": text,
        }
    )
    assert failed(outcome) == {"app/__init__.py::app"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "addopts",
    [
        "-x",
        "-p no:nadia",
        *slow("-p no:xdist", "-n 2 --dist loadscope", "-q -q --tb=no --color=yes"),
    ],
)
def test_addopts_that_get_in_the_way(run_check: RunCheck, app: Files, addopts: str) -> None:
    bad = "def test_one():\n    assert 0\n\ndef test_two():\n    assert 0\n"
    ini = f"[pytest]\naddopts = {addopts}\n"
    outcome = run_check(app | {"tests/test_bad.py": bad, "pytest.ini": ini})
    assert failed(outcome) == {"tests/test_bad.py::test_one", "tests/test_bad.py::test_two"}
    assert outcome.metrics["tests"] == 4


@pytest.mark.slow
def test_plugins_are_not_loaded_by_themselves(
    run_check: RunCheck, app: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    outcome = run_check(app, workers=2)
    assert (outcome.drafts, outcome.metrics["lines"]) == ([], 100)


@pytest.mark.slow
def test_rootdir_is_the_same_with_workers_and_no_configuration(
    run_check: RunCheck, app: Files
) -> None:
    del app["pyproject.toml"]
    bad = "def test_bad():\n    assert 0\n"
    outcome = run_check(app | {"tests/test_bad.py": bad}, workers=2)
    assert failed(outcome) == {"tests/test_bad.py::test_bad"}


@pytest.mark.slow
def test_import_mode_importlib_in_a_src_layout(run_check: RunCheck, app: Files) -> None:
    files: Files = {
        "pyproject.toml": (
            "[tool.pytest.ini_options]\n"
            'addopts = ["--import-mode=importlib"]\npythonpath = ["src"]\n'
        ),
        "src/app/__init__.py": app["app/__init__.py"],
        "tests/a/test_app.py": app["tests/test_app.py"],
        "tests/b/test_app.py": app["tests/test_app.py"],
    }
    outcome = run_check(files)
    assert (outcome.drafts, outcome.metrics["tests"], outcome.metrics["lines"]) == ([], 4, 100)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, *slow(2)])
def test_a_file_name_that_is_not_utf_8(run_check: RunCheck, app: Files, workers: int) -> None:
    name = os.fsdecode(b"tests/test_\xff.py")
    outcome = run_check(app | {name: "def test_bad():\n    assert 0\n"}, workers=workers)
    (draft,) = outcome.drafts
    assert draft.path == r"tests/test_\xff.py"
    assert draft.message.isprintable()


@pytest.mark.slow
def test_a_project_below_the_configuration_of_pytest(
    make_loaded: Callable[..., Project], run_check: RunCheck, app: Files, tmp_path: Path
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    del app["pyproject.toml"]
    outcome = run_check(app | {"tests/test_bad.py": "def test_bad():\n    assert 0\n"})
    (draft,) = outcome.drafts
    assert draft.path == "tests/test_bad.py"
    assert draft.content == "project/tests/test_bad.py::test_bad"
    assert draft.help == "pytest tests/test_bad.py::test_bad"


@pytest.mark.slow
def test_further_arguments(run_check: RunCheck, app: Files) -> None:
    outcome = run_check(app, args=["-k", "positive"], line_floor=0, branch_floor=0)
    assert (outcome.metrics["tests"], outcome.metrics["deselected"]) == (1, 1)


@pytest.mark.slow
def test_ignored_configuration_comes_first(run_check: RunCheck, app: Files) -> None:
    bad: Files = {"pytest.ini": "[tool:pytest]\naddopts = -x\n", "tests/test_bad.py": "x\n"}
    outcome = run_check(app | bad)
    rules = [draft.rule for draft in outcome.drafts]
    assert rules == ["NAD301", "NAD301", "pytest:collect"]


@pytest.mark.slow
def test_an_outer_run_leaves_no_trace(
    run_check: RunCheck, app: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COVERAGE_FILE", str(tmp_path / "outer"))
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    test = "import os\n\ndef test():\n    assert 'PYTEST_XDIST_WORKER' not in os.environ\n"
    outcome = run_check(app | {"tests/test_outer.py": test})
    assert (outcome.drafts, outcome.metrics["lines"]) == ([], 100)
    assert not (tmp_path / "outer").exists()


class TestPreview:
    @pytest.mark.slow
    def test_it_only_collects(self, run_check: RunCheck, app: Files, tmp_path: Path) -> None:
        files = app | {"tests/test_bad.py": "def test():\n    assert 0\n"}
        before = {*files, ".git"}
        outcome = run_check(files, preview=True, workers="auto")
        assert outcome.drafts == []
        assert outcome.metrics == {"run": 0, "tests": 3, "uncollected": 0}
        root = tmp_path / "project"
        after = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        assert {name for name in after if not name.startswith(".git/")} == before - {".git"}

    @pytest.mark.slow
    def test_it_finds_what_does_not_collect(self, run_check: RunCheck, app: Files) -> None:
        outcome = run_check(app | {"tests/test_bad.py": "import nope\n"}, preview=True)
        assert [draft.rule for draft in outcome.drafts] == ["pytest:collect"]


class TestNotApplicable:
    @pytest.mark.parametrize(
        "files",
        [
            {"tests/test_a.py": ""},
            {"app/a_test.py": ""},
            {"pytest.ini": "[pytest]\ntestpaths = here\n"},
            {"pytest.ini": "[pytest]\npython_files = check_*.py\n", "check_a.py": ""},
            {"pytest.ini": "[pytest]\npython_files = own/*.py\n", "own/a.py": ""},
            {"pytest.ini": "[pytest]\naddopts = --doctest-modules\n"},
            {"pytest.ini": "[tool:pytest]\npython_files = check_*.py\n", "check_a.py": ""},
        ],
    )
    def test_it_applies(self, make_loaded: Callable[..., Project], files: Files) -> None:
        assert PytestCheck().not_applicable(make_loaded(files)) == ""

    @pytest.mark.parametrize("files", [{}, {"app/__init__.py": ""}, {"tests/conftest.py": ""}])
    def test_it_does_not(self, make_loaded: Callable[..., Project], files: Files) -> None:
        assert PytestCheck().not_applicable(make_loaded(files)) == "no test files"


@pytest.mark.parametrize(
    ("rules", "command"),
    [
        ({"pytest:failed": 6, "coverage:lines": 1}, "pytest --last-failed"),
        ({"pytest:failed": 1, "coverage:lines": 1}, "pytest t.py::test_0"),
        ({"pytest:failed": 2}, "pytest t.py::test_0 t.py::test_1"),
        ({"pytest:collect": 1, "pytest:failed": 3}, "pytest --collect-only -q"),
        ({"coverage:branches": 1}, "coverage run -m pytest; coverage report"),
        ({"NAD301": 1}, ""),
    ],
)
def test_first_aid(
    make_finding: Callable[..., Finding], rules: dict[str, int], command: str
) -> None:
    findings = [
        make_finding(rule, help=f"pytest t.py::test_{number}")
        for rule, count in rules.items()
        for number in range(count)
    ]
    aid = PytestCheck().first_aid(findings)
    assert aid.startswith(command)
    assert bool(aid) == bool(command)


@pytest.mark.slow
def test_a_tree_that_cannot_be_written(
    run_check: RunCheck, app: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    real = os.access

    def access(path: Any, mode: int) -> bool:
        return False if path == root else real(path, mode)

    monkeypatch.setattr(os, "access", access)
    assert run_check(app).drafts == []
    assert not (root / ".pytest_cache").exists()
