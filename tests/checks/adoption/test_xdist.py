from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nadia_checks.adoption.xdist import uses_xdist
from nadia_checks.core.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeProject = Callable[[dict[str, str | bytes]], Path]

USED = [
    {"pyproject.toml": '[dependency-groups]\ndev = ["pytest-xdist>=3"]\n'},
    {"requirements-dev.txt": "pytest\npytest_xdist==3.6\n"},
    {"requirements/test.in": "pytest.xdist\n"},
    {"setup.cfg": "[options.extras_require]\ntest = pytest; pytest-xdist\n"},
    {"pytest.ini": "[pytest]\naddopts = -q -n auto\n"},
    {"pytest.ini": "[pytest]\naddopts = -n4\n"},
    {"tox.ini": "[pytest]\naddopts = --numprocesses=2\n"},
    {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--dist=loadfile"]\n'},
]
NOT_USED = [
    {"README.md": "pytest-xdist is fun\n"},
    {"requirements.txt": "# pytest-xdist\npytest\n"},
    {"requirements.txt": "my-pytest-xdistance\n"},
    {"pytest.ini": "[pytest]\naddopts = -q -no-header --nadia\n"},
    {"pytest.ini": "[tool:pytest]\naddopts = -n auto\n"},
    {},
]


@pytest.mark.parametrize("files", USED)
def test_sees_a_project_that_uses_it(
    files: dict[str, str | bytes], make_project: MakeProject
) -> None:
    assert uses_xdist(load_project(make_project(files), []))


@pytest.mark.parametrize("files", NOT_USED)
def test_sees_a_project_that_does_not(
    files: dict[str, str | bytes], make_project: MakeProject
) -> None:
    assert not uses_xdist(load_project(make_project(files), []))
