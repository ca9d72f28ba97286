"""Planted faults that `security` must report, healthy code on which it must stay silent."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from nadia_checks.core.errors import CheckError
from nadia_checks.core.fingerprints import to_findings
from nadia_checks.core.project import load_project
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.security import bandit
from nadia_checks.security.check import SecurityCheck

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Outcome
    from pytest_nadia.finding import Finding

    MakeProject = Callable[[dict[str, str | bytes]], Path]
    Run = Callable[..., Outcome]

CLEAN = "x = 1\n"
SHELL = "import os\n\n\ndef run(text):\n    os.system('ls ' + text)\n"
ASSERT = "assert 1\n"


def places(outcome: Outcome) -> list[tuple[str, str, int]]:
    return sorted((one.rule, one.path, one.line) for one in outcome.drafts)


def test_clean_code_gives_nothing(make_project: MakeProject, run_check: Run) -> None:
    outcome = run_check("security", make_project({"a.py": CLEAN, "b.py": CLEAN, "c.txt": SHELL}))
    assert outcome.drafts == []
    assert outcome.metrics == {"files": 2}


def test_a_fault_is_reported_with_bandits_level_and_advice(
    make_project: MakeProject, run_check: Run
) -> None:
    [draft] = run_check("security", make_project({"pkg/a.py": SHELL})).drafts
    assert (draft.rule, draft.path) == ("bandit:B605", "pkg/a.py")
    assert (draft.line, draft.column, draft.end_line) == (5, 5, 5)
    assert draft.severity == "error"
    assert draft.message.startswith("[high] Starting a process with a shell")
    assert "'# nosec B605' and why: https://" in draft.help


def test_a_reviewed_line_is_left_alone(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": 'import os\n\nos.system("ls -l " + x)  # nosec B605 B607\n'})
    assert run_check("security", root).drafts == []


def test_assert_is_for_tests(make_project: MakeProject, run_check: Run) -> None:
    files = dict.fromkeys(["tests/a.py", "pkg/test_b.py", "conftest.py", "pkg/c.py"], ASSERT)
    assert places(run_check("security", make_project({**files}))) == [
        ("bandit:B101", "pkg/c.py", 1)
    ]


def test_other_faults_in_tests_count(make_project: MakeProject, run_check: Run) -> None:
    assert places(run_check("security", make_project({"tests/a.py": SHELL}))) == [
        ("bandit:B605", "tests/a.py", 5)
    ]


def test_test_paths_can_be_configured(make_project: MakeProject, run_check: Run) -> None:
    settings = '[tool.nadia.security]\ntest_paths = ["probe/**"]\n'
    root = make_project({"probe/a.py": ASSERT, "tests/b.py": ASSERT, "pyproject.toml": settings})
    assert places(run_check("security", root)) == [("bandit:B101", "tests/b.py", 1)]


@pytest.mark.parametrize("content", ["def f(:\n", "x = 1\0\n", b'x = "\xff"\n'])
def test_what_bandit_cannot_parse_is_a_finding(
    make_project: MakeProject, run_check: Run, content: str | bytes
) -> None:
    root = make_project({"a.py": content, "b.py": CLEAN})
    [draft] = run_check("security", root).drafts
    assert (draft.rule, draft.path, draft.line) == ("bandit:unparsable", "a.py", 0)
    assert draft.severity == "error"
    assert draft.message.startswith("bandit cannot judge this file: ")


def password(value: str) -> str:
    return f'password = "{value}"\n'


def test_a_password_is_never_shown_nor_hashed(make_project: MakeProject, run_check: Run) -> None:
    first = make_project({"a.py": password("hunter2hunter2")})
    [draft] = run_check("security", first).drafts
    assert draft.rule == "bandit:B105"
    assert "hunter2" not in repr(draft)
    [finding] = to_findings([draft], first)
    (first / "a.py").write_text(password("another-one"))
    [other] = to_findings(run_check("security", first).drafts, first)
    assert other.fingerprint == finding.fingerprint


def test_odd_file_names(make_project: MakeProject, run_check: Run) -> None:
    names = ["-x.py", "a b.py", "new\nline.py", os.fsdecode(b"not-\xff-utf-8.py")]
    outcome = run_check("security", make_project({**dict.fromkeys(names, ASSERT)}))
    assert places(outcome) == [
        ("bandit:B101", "-x.py", 1),
        ("bandit:B101", "a b.py", 1),
        ("bandit:B101", "new\\nline.py", 1),
        ("bandit:B101", "not-\\xff-utf-8.py", 1),
    ]


def test_links_are_not_followed(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": ASSERT})
    (root / "b.py").symlink_to("a.py")
    assert places(run_check("security", root)) == [("bandit:B101", "a.py", 1)]


@pytest.mark.parametrize("name", [".github/tool.py", "pkg/CVS_reader.py"])
def test_names_that_bandit_leaves_out_of_walks_are_judged(
    make_project: MakeProject, run_check: Run, name: str
) -> None:
    root = make_project({name: ASSERT, "a.py": CLEAN})
    assert places(run_check("security", root)) == [("bandit:B101", name, 1)]


@pytest.mark.parametrize(
    "settings",
    [
        {"pyproject.toml": '[tool.bandit]\nexclude_dirs = ["skipped"]\nskips = ["B101"]\n'},
        {".bandit": "[bandit]\nexclude = ./skipped\nskips = B101\n"},
    ],
)
def test_bandits_own_settings_are_honoured(
    make_project: MakeProject, run_check: Run, settings: dict[str, str | bytes]
) -> None:
    root = make_project({"a.py": ASSERT + SHELL, "skipped/b.py": SHELL, **settings})
    assert places(run_check("security", root)) == [("bandit:B605", "a.py", 6)]


def test_many_files_go_to_several_processes(make_project: MakeProject, run_check: Run) -> None:
    names = [f"pkg/m{number}.py" for number in range(bandit.FEW + 1)]
    outcome = run_check("security", make_project({**dict.fromkeys(names, ASSERT)}))
    assert sorted(one.path for one in outcome.drafts) == sorted(names)
    assert outcome.metrics == {"files": len(names)}


def test_long_lists_of_names_are_cut(
    make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bandit, "MOST_BYTES", 50)
    names = [f"m{number}.py" for number in range(5)]
    outcome = run_check("security", make_project({**dict.fromkeys(names, ASSERT)}))
    assert sorted(one.path for one in outcome.drafts) == names


def test_a_read_only_project_with_an_unreadable_file(
    make_project: MakeProject, run_unprivileged: Callable[[str, Path], object]
) -> None:
    root = make_project({"a.py": ASSERT, "b.py": CLEAN})
    (root / "b.py").chmod(0)
    assert run_unprivileged("security", root) == [
        ["bandit:B101", "a.py"],
        ["bandit:unparsable", "b.py"],
    ]


def test_it_applies_to_python_only(make_project: MakeProject) -> None:
    project = load_project(make_project({"a.txt": "text\n"}), CHECK_NAMES)
    assert SecurityCheck().not_applicable(project) == "there is no Python file"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ('exclude_dirs = ["a.py"]\n', "bandit looks at none of the project's Python files"),
        ('skips = ["B101"]\ntests = ["B101"]\n', "bandit failed: .*"),
    ],
)
def test_settings_with_which_bandit_does_not_judge_are_errors(
    make_project: MakeProject, run_check: Run, settings: str, error: str
) -> None:
    root = make_project({"a.py": CLEAN, "pyproject.toml": f"[tool.bandit]\n{settings}"})
    with pytest.raises(CheckError, match=error) as caught:
        run_check("security", root)
    assert "\n" not in str(caught.value)


def test_a_missing_bandit_is_an_error(
    make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bandit", None)
    with pytest.raises(CheckError, match=r"bandit is not installed: pip install 'pytest-nadia"):
        run_check("security", make_project({"a.py": CLEAN}))


@pytest.mark.parametrize("code", [0, 1, 2, 9])
def test_a_bandit_that_leaves_no_report_is_an_error(
    make_project: MakeProject,
    run_check: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    fake = tmp_path / "fake.py"
    fake.write_text(f"import sys\nprint('it broke', file=sys.stderr)\nsys.exit({code})\n")
    monkeypatch.setattr(bandit, "python_module", lambda *_: [sys.executable, str(fake)])
    with pytest.raises(CheckError, match="bandit failed: it broke"):
        run_check("security", make_project({"a.py": CLEAN}))


def test_first_aid_shows_the_findings(make_finding: Callable[..., Finding]) -> None:
    check = SecurityCheck()
    shell, broken = make_finding("bandit:B605"), make_finding("bandit:unparsable", path="b.py")
    many = [make_finding("bandit:B101", path=f"{number}.py") for number in range(6)]
    assert check.first_aid([shell, broken]) == "bandit -t B605 a.py"
    assert check.first_aid([shell, *many]) == "bandit -t B101,B605 -r ."
    assert check.first_aid([broken]) == ""
