"""Planted faults that `types` must report, healthy code on which it must stay silent."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from nadia_checks.core.check import Context
from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import load_project
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.types.check import TypesCheck
from nadia_checks.types.config import MypyConfig, find_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Outcome
    from pytest_nadia.finding import Finding

    MakeProject = Callable[[dict[str, str | bytes]], Path]
    Run = Callable[..., Outcome]

CLEAN = "x: int = 1\n"
WRONG = 'x: int = ""\n'
STRICT = {"pyproject.toml": "[tool.mypy]\nstrict = true\n"}


def places(outcome: Outcome) -> list[tuple[str, str, int, int]]:
    return sorted((one.rule, one.path, one.line, one.column) for one in outcome.drafts)


@pytest.mark.slow
def test_clean_code_gives_nothing(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"pkg/__init__.py": "", "pkg/a.py": CLEAN, **STRICT})
    assert run_check("types", root).drafts == []


def test_a_wrong_type_is_reported(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"pkg/__init__.py": "", "pkg/a.py": f"\n{WRONG}", **STRICT})
    [draft] = run_check("types", root).drafts
    assert (draft.rule, draft.path) == ("mypy:assignment", "pkg/a.py")
    assert (draft.line, draft.column, draft.end_line) == (2, 10, 2)
    assert draft.message.startswith("Incompatible types in assignment")
    assert draft.help == "repair it, or once reviewed '# type: ignore[assignment]'"


@pytest.mark.slow
def test_mypys_hints_and_notes_become_help(make_project: MakeProject, run_check: Run) -> None:
    source = (
        "class A:\n    def f(self, x: str) -> None: ...\n\n\n"
        "class B(A):\n    def f(self, x: int) -> None: ...\n\n\n"
        "def g(x: int) -> int:\n    return x\n\n\n"
        'g(""); reveal_type(g)\nreveal_type(A)\n'
    )
    root = make_project({"a.py": source, "mypy.ini": "[mypy]\nfiles = a.py\n"})
    override, argument = run_check("types", root).drafts
    assert override.rule == "mypy:override"
    assert override.help.startswith("This violates the Liskov substitution principle")
    assert argument.rule == "mypy:arg-type"
    assert argument.help.endswith('; Revealed type is "def (x: int) -> int"')


def test_broken_syntax_leaves_everything_else_unjudged(
    make_project: MakeProject, run_check: Run
) -> None:
    root = make_project({"a.py": "x = 1 +\n", **STRICT})
    with pytest.raises(CheckError, match=r"^mypy stopped at a syntax error, a.py:1: repair"):
        run_check("types", root)


def test_odd_file_names(make_project: MakeProject, run_check: Run) -> None:
    names = ["pkg/a b.py", "pkg/new\nline.py", "pkg/-x.py"]
    settings = "[mypy]\nfiles = pkg\nscripts_are_modules = true\n"
    root = make_project({"mypy.ini": settings, **dict.fromkeys(names, WRONG)})
    assert places(run_check("types", root)) == [
        ("mypy:assignment", "pkg/-x.py", 1, 10),
        ("mypy:assignment", "pkg/a b.py", 1, 10),
        ("mypy:assignment", "pkg/new\\nline.py", 1, 10),
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": "[tool.mypy]\n"}, MypyConfig("pyproject.toml", False)),
        ({"pyproject.toml": '[tool.mypy]\nfiles = "a"\n'}, MypyConfig("pyproject.toml", True)),
        ({"pyproject.toml": '[tool.mypy]\npackages = ["a"]\n'}, MypyConfig("pyproject.toml", True)),
        ({"mypy.ini": "[mypy]\nfiles = a\n"}, MypyConfig("mypy.ini", True)),
        (
            {"mypy.ini": "[mypy]\n", "pyproject.toml": "[tool.mypy]\n"},
            MypyConfig("mypy.ini", False),
        ),
        ({".mypy.ini": ""}, MypyConfig(".mypy.ini", False)),
        ({"setup.cfg": "[mypy]\nmodules = a\n"}, MypyConfig("setup.cfg", True)),
        ({"setup.cfg": "[mypy]\nstrict = true\n"}, MypyConfig("setup.cfg", False)),
        ({"setup.cfg": "[metadata]\nname = x\n", "pyproject.toml": "[tool.x]\n"}, None),
        ({"setup.cfg": "broken\n"}, None),
        ({"a.py": CLEAN}, None),
    ],
)
def test_the_settings_are_found_as_mypy_finds_them(
    make_project: MakeProject, files: dict[str, str | bytes], expected: MypyConfig | None
) -> None:
    project = load_project(make_project(files), CHECK_NAMES)
    assert find_config(project) == expected
    applies = TypesCheck().not_applicable(project) == ""
    assert applies is (expected is not None)


def test_configured_targets_are_what_is_judged(make_project: MakeProject, run_check: Run) -> None:
    settings = '[tool.mypy]\nfiles = ["a.py"]\n'
    root = make_project({"a.py": WRONG, "b.py": WRONG, "pyproject.toml": settings})
    assert places(run_check("types", root)) == [("mypy:assignment", "a.py", 1, 10)]


def test_without_targets_the_packages_are_judged(make_project: MakeProject, run_check: Run) -> None:
    root = make_project(
        {
            "src/bot/__init__.py": "",
            "src/bot/a.py": WRONG,
            "tests/test_a.py": WRONG,
            "mypy.ini": "[mypy]\n",
        }
    )
    assert places(run_check("types", root)) == [("mypy:assignment", "src/bot/a.py", 1, 10)]


@pytest.mark.slow
def test_further_arguments_are_passed_on(make_project: MakeProject, run_check: Run) -> None:
    settings = '[tool.mypy]\n[tool.nadia.types]\nargs = ["--disallow-untyped-defs"]\n'
    root = make_project({"a.py": "def f(): ...\n", "pyproject.toml": settings})
    assert places(run_check("types", root)) == [("mypy:no-untyped-def", "a.py", 1, 1)]


@pytest.mark.slow
def test_a_preview_writes_nothing(
    make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYPY_CACHE_DIR")
    root = make_project({"a.py": CLEAN, **STRICT})
    run_check("types", root, preview=True)
    assert not (root / ".mypy_cache").exists()
    run_check("types", root)
    assert (root / ".mypy_cache").exists()


@pytest.mark.slow
def test_a_read_only_project(
    make_project: MakeProject, run_unprivileged: Callable[[str, Path], object]
) -> None:
    root = make_project({"a.py": WRONG, **STRICT})
    assert run_unprivileged("types", root) == [["mypy:assignment", "a.py"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("files = nowhere\n", "mypy failed: .*nowhere.*Cannot read file.*configured in mypy.ini"),
        ("exclude = .*\nfiles = pkg\n", "mypy failed: There are no .py.i. files in directory"),
        ("plugins = nix\n", "mypy failed: mypy.ini: Error importing plugin"),
        ("broken\n", "mypy failed: mypy.ini: Source contains parsing errors"),
    ],
)
def test_settings_with_which_mypy_does_not_judge_are_errors(
    make_project: MakeProject, run_check: Run, settings: str, error: str
) -> None:
    root = make_project({"pkg/__init__.py": CLEAN, "mypy.ini": f"[mypy]\n{settings}"})
    with pytest.raises(CheckError, match=error) as caught:
        run_check("types", root)
    assert "\n" not in str(caught.value)


def test_a_name_that_mypy_cannot_read_is_an_error(
    make_project: MakeProject, run_check: Run
) -> None:
    name = os.fsdecode(b"pkg/not-\xff-utf-8.py")
    root = make_project({name: CLEAN, "mypy.ini": "[mypy]\nfiles = pkg\n"})
    with pytest.raises(CheckError, match=r"rename pkg/not-\\xff-utf-8\.py"):
        run_check("types", root)


def test_a_missing_mypy_is_an_error(
    make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mypy", None)
    with pytest.raises(CheckError, match=r"^mypy is not installed: pip install"):
        run_check("types", make_project({"a.py": CLEAN, **STRICT}))


def test_no_settings_are_an_error(make_project: MakeProject, tmp_path: Path) -> None:
    project = load_project(make_project({"a.py": CLEAN}), CHECK_NAMES)
    with pytest.raises(CheckError, match="no mypy configuration"):
        TypesCheck().run(Context(project=project, scratch=tmp_path))


ERROR = '{"file": "a.py", "line": 1, "column": 0, "message": "m", "severity": "error"}'


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "error"),
    [
        (1, "", "it broke", "mypy failed: it broke"),
        (0, ERROR, "", "mypy failed: a.py: m"),
        (2, ERROR, "", "mypy failed: a.py: m"),
        (2, "", "", "mypy failed: no output"),
        (9, "", "killed", "mypy failed: killed"),
        (1, "{broken", "", "mypy gave no readable output"),
        (2, "", "a: error: INTERNAL ERROR -- x", "mypy crashed: run `mypy --show-traceback`"),
    ],
)
def test_a_mypy_that_gives_no_judgement_is_an_error(
    make_project: MakeProject,
    run_check: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    stdout: str,
    stderr: str,
    error: str,
) -> None:
    fake = tmp_path / "fake.py"
    fake.write_text(
        f"import sys\nprint({stdout!r})\nprint({stderr!r}, file=sys.stderr)\nsys.exit({code})\n"
    )
    monkeypatch.setattr(
        "nadia_checks.types.check.python_module", lambda *_: [sys.executable, str(fake)]
    )
    with pytest.raises(CheckError, match=error):
        run_check("types", make_project({"a.py": CLEAN, **STRICT}))


def test_first_aid_shows_the_findings(make_finding: Callable[..., Finding]) -> None:
    assert TypesCheck().first_aid([make_finding("mypy:arg-type")]) == "mypy"
    assert TypesCheck().first_aid([]) == ""
