"""Planted faults that `lint` must report, healthy code on which it must stay silent."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import load_project
from nadia_checks.lint.check import LintCheck
from nadia_checks.registry import CHECK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Outcome
    from pytest_nadia.finding import Finding

    MakeProject = Callable[[dict[str, str | bytes]], Path]
    Run = Callable[..., Outcome]

CLEAN = "x = 1\n"
UNUSED = "import os\n"
RULES_F = '[lint]\nselect = ["F"]\n'


def notebook(*cells: str) -> str:
    code: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for number, cell in enumerate(cells)
    ]
    language = {"language_info": {"name": "python"}}
    return json.dumps({"cells": code, "metadata": language, "nbformat": 4, "nbformat_minor": 5})


def places(outcome: Outcome) -> list[tuple[str, str, int, int]]:
    return sorted((one.rule, one.path, one.line, one.column) for one in outcome.drafts)


def test_clean_code_gives_nothing(make_project: MakeProject, run_check: Run) -> None:
    outcome = run_check("lint", make_project({"a.py": CLEAN, "b.pyi": "y: int\n"}))
    assert outcome.drafts == []
    assert outcome.metrics == {"files": 2}


def test_a_broken_rule_is_reported_with_its_repair(
    make_project: MakeProject, run_check: Run
) -> None:
    root = make_project({"pkg/my file.py": UNUSED, "ruff.toml": RULES_F})
    [draft] = run_check("lint", root).drafts
    assert (draft.rule, draft.path) == ("ruff:F401", "pkg/my file.py")
    assert (draft.line, draft.column, draft.end_line) == (1, 8, 1)
    assert draft.message == "`os` imported but unused"
    assert draft.help == (
        "Remove unused import: `os`: ruff check --fix --select F401 'pkg/my file.py'"
    )


def test_repairs_that_are_unsafe_or_missing_say_so(
    make_project: MakeProject, run_check: Run
) -> None:
    root = make_project({"a.py": "def f():\n    x = 1\n    return y\n", "ruff.toml": RULES_F})
    drafts = {one.rule: one for one in run_check("lint", root).drafts}
    assert "--unsafe-fixes --select F841 a.py" in drafts["ruff:F841"].help
    assert drafts["ruff:F821"].help == "repair it; what it means: ruff rule F821"


def test_an_unformatted_file_is_one_finding_without_a_line(
    make_project: MakeProject, run_check: Run
) -> None:
    root = make_project({"a.py": "x=1\ny=2\n"})
    [draft] = run_check("lint", root).drafts
    assert (draft.rule, draft.path, draft.line) == ("ruff:format", "a.py", 0)
    assert draft.content == ""
    assert draft.help == "ruff format a.py"


def test_formatting_can_be_turned_off(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": "x=1\n", "pyproject.toml": "[tool.nadia.lint]\nformat = false\n"})
    assert run_check("lint", root).drafts == []


def test_broken_syntax_is_reported_once(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": "x = 1 +\n"})
    [draft] = run_check("lint", root).drafts
    assert (draft.rule, draft.path, draft.line) == ("ruff:invalid-syntax", "a.py", 1)
    assert draft.help == "repair the file, or exclude it in ruff's settings"


def test_broken_syntax_that_only_the_formatter_sees_is_reported(
    make_project: MakeProject, run_check: Run
) -> None:
    root = make_project(
        {"a.py": "x = 1 +\n", "b.py": CLEAN, "ruff.toml": 'lint.exclude = ["a.py"]\n'}
    )
    assert [one.rule for one in run_check("lint", root).drafts] == ["ruff:invalid-syntax"]


def test_files_that_are_not_utf_8_are_reported(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": b'x = "\xff"\n'})
    assert places(run_check("lint", root)) == [("ruff:E902", "a.py", 1, 1)]


def test_notebook_findings_name_the_cell(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"n.ipynb": notebook("y = 1", "z = 2\nimport os"), "ruff.toml": RULES_F})
    [draft] = run_check("lint", root).drafts
    assert (draft.rule, draft.path, draft.line) == ("ruff:F401", "n.ipynb", 0)
    assert draft.message == "cell 2, line 2: `os` imported but unused"
    assert draft.content == "import os"


def test_a_broken_notebook_is_reported(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"n.ipynb": "no json"})
    assert [one.rule for one in run_check("lint", root).drafts] == ["ruff:invalid-syntax"]


def test_odd_file_names(make_project: MakeProject, run_check: Run) -> None:
    names = ["-x.py", "a b.py", "new\nline.py", os.fsdecode(b"not-\xff-utf-8.py")]
    root = make_project({"ruff.toml": RULES_F, **dict.fromkeys(names, UNUSED)})
    outcome = run_check("lint", root)
    assert places(outcome) == [
        ("ruff:F401", "-x.py", 1, 8),
        ("ruff:F401", "a b.py", 1, 8),
        ("ruff:F401", "new\\nline.py", 1, 8),
        ("ruff:F401", "not-\\xff-utf-8.py", 1, 8),
    ]
    assert outcome.metrics == {"files": 4}


def test_thousands_of_findings_are_all_kept(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": "import os\n" * 8000, "ruff.toml": RULES_F})
    assert len(run_check("lint", root).drafts) >= 8000


def test_the_projects_settings_count_and_the_users_do_not(
    make_project: MakeProject, run_check: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "home" / "ruff" / "ruff.toml"
    own.parent.mkdir(parents=True)
    own.write_text('lint.ignore = ["F401"]\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    root = make_project({"a.py": UNUSED, "skip.py": UNUSED, ".gitignore": "*.x\n"})
    assert len(run_check("lint", root).drafts) == 2
    (root / "ruff.toml").write_text('extend-exclude = ["skip.py"]\n')
    assert places(run_check("lint", root)) == [("ruff:F401", "a.py", 1, 8)]


def test_a_preview_writes_nothing(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": CLEAN})
    run_check("lint", root, preview=True)
    assert not (root / ".ruff_cache").exists()
    run_check("lint", root)
    assert (root / ".ruff_cache").exists()


def test_a_read_only_project_with_an_unreadable_file(
    make_project: MakeProject, run_unprivileged: Callable[[str, Path], object]
) -> None:
    root = make_project({"a.py": UNUSED, "secret.py": CLEAN})
    (root / "secret.py").chmod(0)
    assert run_unprivileged("lint", root) == [["ruff:F401", "a.py"], ["ruff:E902", "secret.py"]]


def test_it_applies_to_python_only(make_project: MakeProject) -> None:
    root = make_project({"a.txt": "text\n"})
    assert LintCheck().not_applicable(load_project(root, CHECK_NAMES)) == "there is no Python file"
    (root / "n.ipynb").write_text(notebook("x = 1"))
    assert LintCheck().not_applicable(load_project(root, CHECK_NAMES)) == ""


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ('exclude = ["*.py"]\n', "ruff looks at none of the project's Python files"),
        ("[lint\n", r"ruff failed: Failed to parse .*ruff.toml: TOML parse error at line 1"),
        ('[lint]\nselect = ["ZZ9"]\n', "ruff failed: Unknown rule selector `ZZ9`"),
        ('required-version = "<0.1"\n', "ruff failed: .*Required version `<0.1`"),
    ],
)
def test_settings_with_which_ruff_does_not_judge_are_errors(
    make_project: MakeProject, run_check: Run, settings: str, error: str
) -> None:
    root = make_project({"a.py": CLEAN, "ruff.toml": settings})
    with pytest.raises(CheckError, match=error) as caught:
        run_check("lint", root)
    assert "\n" not in str(caught.value)


def test_a_missing_ruff_is_an_error(
    make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ruff", None)
    with pytest.raises(
        CheckError, match=r"ruff is not installed: pip install 'pytest-nadia\[all\]"
    ):
        run_check("lint", make_project({"a.py": CLEAN}))


@pytest.mark.parametrize("code", [0, 1])
def test_a_ruff_that_prints_no_findings_is_an_error(
    make_project: MakeProject,
    run_check: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    root = make_project({"a.py": CLEAN})
    fake = tmp_path / "fake.py"
    fake.write_text(f"import sys\nprint('{root}/a.py')\nsys.exit({code})\n")
    monkeypatch.setattr(
        "nadia_checks.lint.ruff.python_module", lambda *_: [sys.executable, str(fake)]
    )
    with pytest.raises(CheckError, match="ruff failed: "):
        run_check("lint", root)


def test_first_aid_repairs_what_there_is_and_nothing_else(
    make_finding: Callable[..., Finding],
) -> None:
    check = LintCheck()
    unused, odd = make_finding("ruff:F401"), make_finding("ruff:E501", path="b c.py")
    plain = make_finding("ruff:format")
    many = [make_finding("ruff:F401", path=f"{number}.py") for number in range(6)]
    assert check.first_aid([unused]) == "ruff check --fix --select F401 a.py"
    assert check.first_aid([unused, odd]) == "ruff check --fix --select E501,F401 a.py 'b c.py'"
    assert check.first_aid(many) == "ruff check --fix --select F401 ."
    assert check.first_aid([plain]) == "ruff format a.py"
    assert check.first_aid([unused, plain]) == (
        "ruff check --fix --select F401 a.py ; ruff format a.py"
    )
    assert check.first_aid([]) == ""


@pytest.mark.parametrize("setting", ["fix = true", "fix-only = true", "unsafe-fixes = true"])
def test_nothing_is_repaired_behind_the_user_s_back(
    make_project: MakeProject, run_check: Run, setting: str
) -> None:
    root = make_project({"a.py": "import os\n", "ruff.toml": f"{setting}\n"})
    [draft] = run_check("lint", root).drafts
    assert draft.rule == "ruff:F401"
    assert (root / "a.py").read_text() == "import os\n"
