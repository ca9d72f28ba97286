"""What is counted, and that the project's own configuration of coverage decides about it."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from coverage import CoverageData

from nadia_checks.pytest.command import pytest_environment
from nadia_checks.pytest.measuring import Measured, MeasuredFile, Summary, percent_down

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Draft, Outcome

    RunCheck = Callable[..., Outcome]
    ByRule = Callable[[Outcome, str], list[Draft]]
    Files = dict[str, str | bytes]

# Most of them run a whole pytest: they are part of `make test`, not of `make check`.
pytestmark = pytest.mark.slow

HALF = "from app import sign\n\ndef test_positive():\n    assert sign(1) == '+'\n"
UNUSED = "def unused(x):\n    if x:\n        return 1\n    return 2\n"


def counted(outcome: Outcome) -> tuple[float, float, float, float]:
    names = ("lines", "branches", "statements_counted", "branches_counted")
    lines, branches, statements, forks = (outcome.metrics[name] for name in names)
    return lines, branches, statements, forks


def test_lines_and_branches_are_exact(run_check: RunCheck, by_rule: ByRule, app: Files) -> None:
    outcome = run_check(app | {"tests/test_app.py": HALF})
    assert counted(outcome) == (75, 50, 4, 2)
    (lines,) = by_rule(outcome, "coverage:lines")
    assert (lines.path, lines.content) == ("pyproject.toml", "80:75")
    assert lines.message == "the tests run 75 % of the lines, the floor is 80 %"
    assert lines.help == (
        "test the files with the most missing lines: app/__init__.py (1); "
        "or lower line_floor in [tool.nadia.pytest]"
    )
    (branches,) = by_rule(outcome, "coverage:branches")
    assert branches.content == "70:50"
    assert branches.help.endswith("or lower branch_floor in [tool.nadia.pytest]")


@pytest.mark.parametrize(
    ("line_floor", "branch_floor", "rules"),
    [
        pytest.param(75, 50, [], marks=pytest.mark.slow),
        (75.01, 50, ["coverage:lines"]),
        pytest.param(75, 50.01, ["coverage:branches"], marks=pytest.mark.slow),
    ],
)
def test_a_floor_that_is_reached(
    run_check: RunCheck, app: Files, line_floor: float, branch_floor: float, rules: list[str]
) -> None:
    files = app | {"tests/test_app.py": HALF}
    outcome = run_check(files, line_floor=line_floor, branch_floor=branch_floor)
    assert [draft.rule for draft in outcome.drafts] == rules


@pytest.mark.slow
def test_without_branches_all_are_taken(run_check: RunCheck) -> None:
    outcome = run_check(
        {
            "app/__init__.py": "def one():\n    return 1\n",
            "test_app.py": "from app import one\n\ndef test():\n    assert one()\n",
        }
    )
    assert counted(outcome) == (100, 100, 2, 0)


def test_an_empty_package_has_no_lines(run_check: RunCheck) -> None:
    outcome = run_check({"app/__init__.py": "", "test_app.py": "import app\n\ndef test(): pass\n"})
    assert counted(outcome) == (100, 100, 0, 0)


def test_without_packages_nothing_is_measured(run_check: RunCheck) -> None:
    outcome = run_check({"tests/test_app.py": "def test(): pass\n"})
    assert outcome.drafts == []
    assert "lines" not in outcome.metrics


def test_modules_and_folders_that_no_test_imports_count(run_check: RunCheck, app: Files) -> None:
    outcome = run_check(app | {"alone.py": UNUSED, "app/deep/unused.py": UNUSED})
    assert counted(outcome) == (33.33, 33.33, 12, 6)


@pytest.mark.slow
def test_a_module_and_a_namespace(run_check: RunCheck) -> None:
    files: Files = {
        "src/space/app.py": "def one():\n    return 1\n",
        "src/alone.py": "two = 2\n",
        "pytest.ini": "[pytest]\npythonpath = src\n",
        "tests/test_app.py": (
            "import alone\nfrom space.app import one\n\ndef test():\n    assert one()\n"
        ),
    }
    assert counted(run_check(files)) == (100, 100, 3, 0)


@pytest.mark.slow
def test_workers_and_programs_that_tests_start_are_measured(
    run_check: RunCheck, app: Files
) -> None:
    test = """\
import os, subprocess, sys

def test_program(tmp_path):
    code = f"import sys; sys.path.insert(0, {os.getcwd()!r}); import app; app.sign(-1)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
"""
    own = "\n[tool.coverage.run]\nsource = ['app']\nomit = ['app/other.py']\n"
    files: Files = app | {
        "pyproject.toml": f"{app['pyproject.toml']!s}{own}",
        "app/other.py": UNUSED,
        "tests/test_app.py": HALF,
        "tests/test_program.py": test,
    }
    assert counted(run_check(files, workers=2)) == (100, 100, 4, 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".coveragerc", "[run]\nomit = app/left.py\n"),
        pytest.param(
            ".coveragerc", "[run]\nomit =\n    */left.py\n    alone*\n", marks=pytest.mark.slow
        ),
        pytest.param(".coveragerc", "[report]\nomit = app/left.py\n", marks=pytest.mark.slow),
        pytest.param(
            ".coveragerc", "[run]\nsource = app\nomit = */left.py\n", marks=pytest.mark.slow
        ),
        pytest.param(
            "setup.cfg", "[coverage:run]\ninclude = app/__init__.py\n", marks=pytest.mark.slow
        ),
        ("tox.ini", "[coverage:report]\nexclude_also =\n    def unused\n    $$never^\n"),
        pytest.param(
            ".coveragerc",
            "[run]\nsource_pkgs = app\n[report]\nexclude_also = def unused\n",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_projects_configuration_decides(
    run_check: RunCheck, app: Files, name: str, text: str
) -> None:
    outcome = run_check(app | {"app/left.py": UNUSED, name: text})
    assert counted(outcome) == (100, 100, 4, 2)


@pytest.mark.slow
def test_an_omitted_module(run_check: RunCheck, app: Files) -> None:
    outcome = run_check(app | {"alone.py": UNUSED, ".coveragerc": "[run]\nomit = alone.py\n"})
    assert counted(outcome) == (100, 100, 4, 2)


def test_a_floor_of_the_project_itself_is_not_ours(run_check: RunCheck, app: Files) -> None:
    rc = "[run]\nbranch = false\nparallel = false\ndata_file = here\n[report]\nfail_under = 100\n"
    outcome = run_check(app | {"tests/test_app.py": HALF, ".coveragerc": rc}, line_floor=0)
    assert [draft.rule for draft in outcome.drafts] == ["coverage:branches"]


def test_a_plugin_of_coverage_keeps_its_options(
    run_check: RunCheck, app: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "plugins"))
    (tmp_path / "plugins").mkdir()
    plugin = """\
from coverage import CoveragePlugin

class Plugin(CoveragePlugin):
    def configure(self, config):
        config.set_option("report:exclude_lines", [self.pattern])

def coverage_init(reg, options):
    plugin = Plugin()
    plugin.pattern = options["pattern"]
    reg.add_configurer(plugin)
"""
    (tmp_path / "plugins" / "own.py").write_text(plugin)
    rc = "[run]\nplugins = own\n[own]\npattern = def (unused|not$)\n"
    outcome = run_check(app | {"app/left.py": UNUSED, ".coveragerc": rc})
    assert counted(outcome) == (100, 100, 4, 2)


@pytest.mark.slow
def test_a_path_that_is_not_utf_8(run_check: RunCheck, app: Files) -> None:
    outcome = run_check(app | {"app/\udcff.py": UNUSED})
    assert counted(outcome) == (100, 100, 4, 2)


def test_the_worst_files_come_first() -> None:
    missing = {"b": 5, "a": 5, "c": 9, "d": 1}
    files = {k: MeasuredFile(summary=Summary(missing_lines=v)) for k, v in missing.items()}
    assert Measured(files=files).worst(3) == [("c", 9), ("a", 5), ("b", 5)]


def test_nothing_measured_is_zero() -> None:
    assert not Measured().lines
    assert not Measured().branches


@pytest.mark.parametrize(
    ("part", "whole", "expected"), [(2, 3, 66.66), (999999, 1000000, 99.99), (1, 1, 100.0)]
)
def test_percentages_are_rounded_down(part: int, whole: int, expected: float) -> None:
    assert percent_down(Fraction(100 * part, whole)) == expected


class TestCombine:
    """The program that adds up; in this process it would end the measurement of this suite."""

    @pytest.fixture
    def rcfile(self, tmp_path: Path) -> Path:
        path = tmp_path / "rc.toml"
        data = tmp_path / "data"
        path.write_text(
            f'[run]\nbranch = true\nparallel = true\ndata_file = "{data}"\nomit = ["*/left.py"]\n'
        )
        return path

    def add(self, rcfile: Path, own: list[str]) -> Measured:
        files, output = rcfile.with_name("own.json"), rcfile.with_name("out.json")
        files.write_text(json.dumps(own))
        program = [sys.executable, "-m", "nadia_checks.pytest.combine"]
        subprocess.run([*program, rcfile, files, output], check=True, env=pytest_environment())
        document = json.loads(output.read_bytes())
        totals = document.get("totals")
        return (
            Measured(totals=Summary(totals["covered_lines"], totals["num_statements"]))
            if (totals)
            else Measured()
        )

    def test_nothing(self, rcfile: Path) -> None:
        assert self.add(rcfile, []).totals is None

    def test_files_that_no_process_met(self, rcfile: Path, tmp_path: Path) -> None:
        names = ["met.py", "left.py", "unmet.py"]
        for name in names:
            (tmp_path / name).write_text("a = 1\nb = 2\n")
        for number in (1, 2):
            data = CoverageData(basename=str(tmp_path / "data"), suffix=str(number))
            data.add_arcs({str(tmp_path / "met.py"): [(-1, number)]})
            data.write()
            data.close()
        added = self.add(rcfile, [str(tmp_path / name) for name in names])
        assert added.totals == Summary(2, 4)
