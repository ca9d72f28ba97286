from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nadia_checks.core.config import Config
from nadia_checks.core.errors import UsageError
from nadia_checks.core.packages import find_packages
from nadia_checks.core.project import Project

if TYPE_CHECKING:
    from pathlib import Path


class Listed(Project):
    """A project whose files are given instead of asked from git."""

    def __init__(self, root: Path, files: list[str], **config: Any) -> None:
        super().__init__(root, Config(**config), {})
        self.__dict__["files"] = files


def found(root: Path, *files: str) -> list[str]:
    return find_packages(Listed(root, list(files)))


def test_a_folder_with_init_is_a_package(tmp_path: Path) -> None:
    assert found(tmp_path, "app/__init__.py", "app/sub/__init__.py") == ["app"]


def test_several_packages_are_sorted(tmp_path: Path) -> None:
    assert found(tmp_path, "zoo/__init__.py", "app/__init__.py") == ["app", "zoo"]


def test_packages_below_src(tmp_path: Path) -> None:
    assert found(tmp_path, "src/app/__init__.py", "src/one.py") == ["src/app", "src/one.py"]


def test_a_namespace_below_src(tmp_path: Path) -> None:
    assert found(tmp_path, "src/google/cloud/thing/__init__.py") == ["src/google"]


@pytest.mark.parametrize(
    "name", ["tests", "test", "docs", "doc", "examples", "scripts", "benchmarks", "build", "dist"]
)
def test_what_surrounds_a_package_is_none(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, f"{name}/__init__.py", "app/__init__.py") == ["app"]


def test_hidden_folders_are_none(tmp_path: Path) -> None:
    assert found(tmp_path, ".venv/thing.py", ".tox/__init__.py") == []


def test_a_namespace_at_the_top_where_nothing_else_is(tmp_path: Path) -> None:
    assert found(tmp_path, "app/main.py", "tests/test_main.py") == ["app"]


def test_a_folder_of_tools_beside_a_package_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, "app/__init__.py", "release/publish.py") == ["app"]


def test_a_folder_of_tests_alone_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, "checks/test_main.py", "checks/conftest.py") == []


def test_modules_at_the_top(tmp_path: Path) -> None:
    files = ("one.py", "setup.py", "conftest.py", "noxfile.py", "test_one.py", "one_test.py")
    assert found(tmp_path, *files, "not-a-module.py") == ["one.py"]


def test_other_files_are_none(tmp_path: Path) -> None:
    assert found(tmp_path, "app/data.json", "README.md") == []


def test_the_configured_packages_are_all(tmp_path: Path) -> None:
    (tmp_path / "lib" / "own").mkdir(parents=True)
    project = Listed(tmp_path, ["app/__init__.py"], packages=["./lib/own/"])
    assert find_packages(project) == ["lib/own"]


def test_a_configured_package_that_does_not_exist(tmp_path: Path) -> None:
    project = Listed(tmp_path, [], packages=["missing"])
    with pytest.raises(UsageError, match=r"tool\.nadia\.packages names 'missing'"):
        find_packages(project)
