"""What is called ignored is compared with the file that the installed pytest really takes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from nadia_checks.pytest import ignored_configuration
from nadia_checks.pytest.configuration_files import read_settings
from nadia_checks.pytest.ignored_configuration import RULE, ignored_settings

if TYPE_CHECKING:
    from pathlib import Path

TOML = 'testpaths = ["here"]'
INI = "testpaths = here"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).write_text(text)


def ignored(root: Path) -> list[tuple[str, int, str]]:
    return [(draft.path, draft.line, draft.content or "") for draft in ignored_settings(root)]


def taken_by_pytest(root: Path) -> str:
    """The line `configfile:` of pytest's own header."""
    (root / "test_one.py").write_text("def test(): pass\n")
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    heads = [line for line in done.stdout.splitlines() if line.startswith("configfile: ")]
    return heads[0].removeprefix("configfile: ").split(" ")[0] if heads else ""


HEALTHY = [
    {},
    {"pyproject.toml": f"[tool.pytest.ini_options]\n{TOML}\n"},
    {"pytest.ini": f"[pytest]\n{INI}\n"},
    {"tox.ini": f"[tox]\nenvlist = py\n\n[pytest]\n{INI}\n"},
    {"setup.cfg": f"[metadata]\nname = x\n\n[tool:pytest]\n{INI}\n"},
    {"pytest.ini": f"[pytest]\n{INI}\n", "tox.ini": "[tox]\n", "setup.cfg": "[flake8]\n"},
    {"pytest.ini": f"[pytest]\n{INI}\n", "pyproject.toml": "[tool.pytest.ini_options]\n"},
    {"pytest.ini": f"[pytest]\n{INI}\n", "pyproject.toml": "tool = 1\n"},
]


@pytest.mark.parametrize("files", HEALTHY)
def test_settings_in_their_place_are_not_reported(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert ignored_settings(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "wrong", "right", "content"),
    [
        ("pytest.ini", "tool:pytest", "pytest", INI),
        (".pytest.ini", "tool:pytest", "pytest", INI),
        ("tox.ini", "tool:pytest", "pytest", INI),
        ("setup.cfg", "pytest", "tool:pytest", INI),
        ("pytest.ini", "tool.pytest.ini_options", "pytest", INI),
        ("pyproject.toml", "pytest", "tool.pytest.ini_options", TOML),
    ],
)
def test_a_section_of_the_wrong_name(
    tmp_path: Path, file: str, wrong: str, right: str, content: str
) -> None:
    write(tmp_path, {file: f"# settings\n[{wrong}]\n{content}\n"})
    (draft,) = ignored_settings(tmp_path)
    assert (draft.rule, draft.path, draft.line) == ("NAD301", file, 2)
    assert draft.message == f"pytest does not read [{wrong}] in {file}"
    assert draft.help == f"in {file}, rename the section\n[{wrong}] to [{right}]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "taken", "lost"),
    [
        (
            {
                "pytest.ini": f"[pytest]\n{INI}\n",
                "pyproject.toml": f"[project]\n\n[tool.pytest.ini_options]\n{TOML}\n",
            },
            "pytest.ini",
            ("pyproject.toml", 3, "[tool.pytest.ini_options]"),
        ),
        (
            {"pytest.ini": "", "tox.ini": f"[pytest]\n{INI}\n"},
            "pytest.ini",
            ("tox.ini", 1, "[pytest]"),
        ),
        (
            {
                "pyproject.toml": f"[tool.pytest.ini_options]\n{TOML}\n",
                "setup.cfg": f"[tool:pytest]\n{INI}\n",
            },
            "pyproject.toml",
            ("setup.cfg", 1, "[tool:pytest]"),
        ),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\n", "tox.ini": f"[pytest]\n{INI}\n"},
            "pyproject.toml",
            ("tox.ini", 1, "[pytest]"),
        ),
        (
            {"tox.ini": "[pytest]\n", "setup.cfg": f"[tool:pytest]\n{INI}\n"},
            "tox.ini",
            ("setup.cfg", 1, "[tool:pytest]"),
        ),
    ],
)
def test_a_file_that_loses(
    tmp_path: Path, files: dict[str, str], taken: str, lost: tuple[str, int, str]
) -> None:
    write(tmp_path, files)
    assert ignored(tmp_path) == [lost]
    assert taken_by_pytest(tmp_path) == taken
    (draft,) = ignored_settings(tmp_path)
    assert draft.message.endswith(f"{taken} goes first")
    assert draft.help.splitlines()[1] == f"and remove {lost[2]} from {lost[0]}"


@pytest.mark.slow
def test_a_wrong_section_in_pytest_ini_makes_the_others_lose_too(tmp_path: Path) -> None:
    files = {
        "pytest.ini": f"[tool:pytest]\n{INI}\n",
        "pyproject.toml": f"[tool.pytest.ini_options]\n{TOML}\n",
    }
    write(tmp_path, files)
    assert [path for path, *_ in ignored(tmp_path)] == ["pytest.ini", "pyproject.toml"]
    assert taken_by_pytest(tmp_path) == "pytest.ini"
    assert read_settings(tmp_path) == {}


@pytest.mark.parametrize(
    ("major", "expected"), [(8, ["pytest.toml"]), (9, ["pyproject.toml"])], ids=["8", "9"]
)
def test_pytest_toml_counts_from_pytest_9(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, major: int, expected: list[str]
) -> None:
    files = {
        "pytest.toml": f"[pytest]\n{TOML}\n",
        "pyproject.toml": f"[tool.pytest.ini_options]\n{TOML}\n",
    }
    write(tmp_path, files)
    monkeypatch.setattr(ignored_configuration, "pytest_major", lambda: major)
    assert [path for path, *_ in ignored(tmp_path)] == expected


def test_pytest_8_reads_no_pytest_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pytest.toml": f"[pytest]\n{TOML}\n"})
    monkeypatch.setattr(ignored_configuration, "pytest_major", lambda: 8)
    (draft,) = ignored_settings(tmp_path)
    assert draft.message == "pytest 8 does not read pytest.toml"
    assert draft.help.splitlines()[1] == "or move the settings to [pytest] in pytest.ini"


def test_pytest_8_does_not_read_the_native_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"pyproject.toml": f"[tool.pytest]\n{TOML}\n"})
    monkeypatch.setattr(ignored_configuration, "pytest_major", lambda: 8)
    (draft,) = ignored_settings(tmp_path)
    assert draft.help.endswith("[tool.pytest] to [tool.pytest.ini_options]")
    monkeypatch.setattr(ignored_configuration, "pytest_major", lambda: 9)
    assert ignored_settings(tmp_path) == []


@pytest.mark.parametrize(
    "files",
    [
        {"pytest.ini": "no section\n"},
        {"pyproject.toml": "[tool.pytest\n"},
        {"tox.ini": "[pytest\n"},
    ],
)
def test_what_cannot_be_parsed_is_left_to_pytest(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert ignored_settings(tmp_path) == []


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "tox.ini").write_bytes(b"\xff\xfe[pytest]")
    assert ignored_settings(tmp_path) == []


def test_the_rule_is_explained() -> None:
    assert (RULE.number, RULE.name) == ("NAD301", "ignored-pytest-configuration")
    assert "[tool:pytest]" in RULE.bad
    assert "[pytest]" in RULE.good
