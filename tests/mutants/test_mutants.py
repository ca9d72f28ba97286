"""Every planted fault must be noticed, by the check that is there for it and by no other."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from nadia_checks.registry import CHECK_NAMES
from nadia_checks.testing.mutants import Mutant, complaints, plant, read_mutant
from nadia_checks.testing.project import copy_project, judge

HERE = Path(__file__).resolve().parent
COMPANION = HERE.parents[1] / "examples" / "companion"
# For a check that a mutant makes hang; healthy ones end long before.
SECONDS = 200
MUTANTS = [read_mutant(path) for path in sorted(HERE.glob("*.patch"))]
FIRST_OF_ITS_CHECK = {mutant.check: mutant.name for mutant in reversed(MUTANTS)}.values()


@pytest.fixture(scope="session")
def companion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(COMPANION, tmp_path_factory.mktemp("companion") / "companion")


@pytest.fixture
def project(companion: Path, tmp_path: Path) -> Path:
    return shutil.copytree(companion, tmp_path / "companion", symlinks=True)


def run_only(tests: str, project: Path) -> None:
    """No other tests, and so no floors: `make mutants` runs them all."""
    settings = project / "pyproject.toml"
    text = re.sub(r"(?m)^(line|branch)_floor = \d+\n", "", settings.read_text())
    table = "[tool.nadia.pytest]\n"
    assert table in text
    settings.write_text(text.replace(table, f'{table}args = ["{tests}"]\n'))


@pytest.mark.unit
def test_every_check_has_two_mutants() -> None:
    count = Counter(mutant.check for mutant in MUTANTS)

    assert [check for check in CHECK_NAMES if count[check] < 2] == []


@pytest.mark.unit
def test_the_tests_that_notice_a_mutant_are_there() -> None:
    named = [mutant.by for mutant in MUTANTS if mutant.by]

    assert named
    assert [path for path in named if not (COMPANION / path).exists()] == []


@pytest.mark.slow
@pytest.mark.e2e
def test_the_untouched_companion_is_green(project: Path) -> None:
    verdict = judge(project, time_limit=SECONDS)

    assert [(one.name, one.status, one.reason) for one in verdict.checks] == [
        (name, "pass", "") for name in CHECK_NAMES
    ]
    assert [finding for one in verdict.checks for finding in one.findings] == []
    assert verdict.verdict == "pass"


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_it_is_noticed(mutant: Mutant, project: Path) -> None:
    plant(mutant, project)

    whole_gate = mutant.name in FIRST_OF_ITS_CHECK
    if mutant.by and not whole_gate:
        run_only(mutant.by, project)
    verdict = judge(project, [] if whole_gate else [mutant.check], SECONDS)

    assert complaints(mutant, verdict) == []
    assert verdict.verdict == "fail"


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.matrix
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_no_other_check_cries_wolf(mutant: Mutant, project: Path) -> None:
    plant(mutant, project)

    assert complaints(mutant, judge(project, time_limit=SECONDS)) == []
