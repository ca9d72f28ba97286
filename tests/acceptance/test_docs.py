"""The documents' commands are run and their snippets used, in the order in which they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from nadia_checks.core.config import parse_config
from nadia_checks.core.runner import GATE_VARIABLE
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.rules import RULES
from nadia_checks.testing.project import commit_all, copy_project

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
# The Redis page has tests of its own, which read what its commands print.
COMMANDED = [path for path in DOCUMENTS if path.name != "redis.md"]
INSTALL = "pip install 'pytest-nadia[all]'"


def blocks(path: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.M | re.S)


def commands(path: Path) -> list[str]:
    lines = [line for block in blocks(path, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The companion before it adopted the gate."""
    root = copy_project(ROOT / "examples" / "companion", tmp_path / "companion")
    pyproject = root / "pyproject.toml"
    tables = re.split(r"^(?=\[)", pyproject.read_text(), flags=re.M)
    pyproject.write_text("".join(one for one in tables if not one.startswith("[tool.nadia")))
    commit_all(root, "without the gate")
    return root


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != GATE_VARIABLE}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    return subprocess.run(
        shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, timeout=500
    )


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("document", COMMANDED, ids=[path.name for path in COMMANDED])
def test_commands_work_one_after_the_other(document: Path, project: Path) -> None:
    for command in commands(document):
        if command == INSTALL:
            assert "all" in (metadata("pytest-nadia").get_all("Provides-Extra") or [])
        elif command == "make test":  # this suite is what it runs
            assert "-m pytest" in run("make --dry-run test", ROOT).stdout
        else:
            done = run(command, ROOT if command.startswith("make ") else project)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.unit
def test_the_readme_has_commands() -> None:
    assert {"make gate", "make test", "nadia", "nadia gate", INSTALL} <= set(commands(README))


@pytest.mark.unit
def test_the_readme_s_configuration_is_valid() -> None:
    (block,) = blocks(README, "toml")

    config = parse_config(tomllib.loads(block)["tool"]["nadia"], CHECK_NAMES)

    assert config.checks == CHECK_NAMES
    assert len(block.splitlines()) == 5


@pytest.mark.integration
def test_the_readme_s_hook_is_valid(tmp_path: Path) -> None:
    (block,) = blocks(README, "yaml")
    (tmp_path / "config.yaml").write_text(block)

    assert run(f"pre-commit validate-config {tmp_path / 'config.yaml'}", tmp_path).returncode == 0
    entry = yaml.safe_load(block)["repos"][0]["hooks"][0]["entry"]
    assert (Path(sys.executable).parent / entry).exists()


@pytest.mark.slow
@pytest.mark.integration
def test_the_readme_s_tests_do_what_it_says(
    page_of: Callable[[Path], Any], run_examples: Callable[..., None]
) -> None:
    run_examples(list(page_of(README).examples()))


@pytest.mark.unit
def test_the_readme_names_every_redis_fixture(page_of: Callable[[Path], Any]) -> None:
    """A list of its own, shorter than the page of Redis: that one is compared with the code."""
    table = (
        page_of(ROOT / "docs" / "redis.md").text.partition("| fixture |")[2].partition("\n\n")[0]
    )
    named = re.findall(r"^\| `(\w+)` \|", table, re.M)

    assert len(named) > 5
    assert [name for name in named if f"`{name}`" not in README.read_text()] == []


@pytest.mark.unit
def test_the_readme_names_every_check_and_every_rule_of_ours() -> None:
    text = README.read_text()
    named = re.findall(r"^\| (NAD\d+) \| ([\w-]+) \|", text, re.M)
    checks = text.partition("| check | what runs |")[2].partition("\n\n")[0]

    assert named == [(one.number, one.name) for one in RULES if one.number.startswith("NAD")]
    assert re.findall(r"^\| `(\w+)` \|", checks, re.M) == CHECK_NAMES


@pytest.mark.unit
@pytest.mark.parametrize("document", [*DOCUMENTS, CONTRIBUTING], ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(?:#([^):]+))?\)", document.read_text())

    assert [link for link in links if not leads_somewhere(document, *link)] == []


def leads_somewhere(document: Path, name: str, anchor: str) -> bool:
    target = document.parent / name if name else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> list[str]:
    """The headings as GitHub names them in addresses."""
    headings = re.findall(r"^##+ (.*)$", document.read_text(), re.M)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
