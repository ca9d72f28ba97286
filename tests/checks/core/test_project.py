from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nadia_checks.core.errors import UsageError
from nadia_checks.core.project import load_project, printable

pytestmark = pytest.mark.integration

CHECKS = ["lint"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "services/bot/src").mkdir(parents=True)
    return tmp_path


def test_the_root_is_the_nearest_folder_with_a_pyproject(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("")
    (repository / "services/bot/pyproject.toml").write_text("[tool.nadia]\nchecks = ['lint']\n")

    bot = load_project(repository / "services/bot/src", CHECKS)

    assert bot.root == repository / "services/bot"
    assert bot.configured
    assert bot.config.checks == ["lint"]
    assert load_project(repository / "services", CHECKS).root == repository


def test_without_any_pyproject_it_is_the_root_of_the_repository(repository: Path) -> None:
    project = load_project(repository / "services/bot", CHECKS)

    assert project.root == repository
    assert not project.configured


def test_a_pyproject_above_the_repository_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nadia]\n")
    inner = tmp_path / "inner"
    subprocess.run(["git", "init", "-q", inner], check=True)

    assert load_project(inner, CHECKS).root == inner


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "does not exist: name a folder of the project"), ("file", "is not a folder")],
)
def test_a_wrong_path_is_one_line(repository: Path, name: str, message: str) -> None:
    (repository / "file").write_text("")

    with pytest.raises(UsageError, match=message):
        load_project(repository / name, CHECKS)


def test_paths_in_findings_are_relative_and_printable(repository: Path) -> None:
    project = load_project(repository, CHECKS)

    assert project.relative(repository / "services" / "a.py") == "services/a.py"
    assert project.relative("./services/../b.py") == "b.py"
    assert printable("caf\udce9 \n\x1b[31m.py") == "caf\\xe9 \\n\\x1b[31m.py"


@pytest.mark.parametrize(
    ("pyproject", "message"),
    [
        ("tool = 1\n", "tool must be a table"),
        ("[tool]\nnadia = 1\n", "tool.nadia: expected `object`, got `int`"),
        ("[tool.nadia]\npackages = ['nope']\n", "packages names nope, which is not there"),
    ],
)
def test_a_wrong_pyproject_is_one_line(repository: Path, pyproject: str, message: str) -> None:
    (repository / "pyproject.toml").write_text(pyproject)

    with pytest.raises(UsageError, match=message):
        load_project(repository, CHECKS)


def test_a_loop_of_links_is_one_line(repository: Path) -> None:
    (repository / "loop").symlink_to("loop")

    with pytest.raises(UsageError, match="does not exist"):
        load_project(repository / "loop", CHECKS)


def test_a_tool_that_is_no_table_has_no_configuration(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("tool = {mypy = 3}\n")

    assert load_project(repository, CHECKS).tool("mypy") == {}
