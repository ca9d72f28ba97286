"""The page on monitoring files: every bad example is found by its rule, every good one by none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from nadia_checks.core.check import Context, Draft
from nadia_checks.core.git import git
from nadia_checks.core.project import load_project
from nadia_checks.monitoring.check import RULE_MODULES, MonitoringCheck
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.testing.project import commit_all

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"
RULES = {module.RULE.number: module.RULE.name for module in RULE_MODULES}
BLOCK = re.compile(r"^(File|Bad|Good): `([^`]+)`\n\n```\w+\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Section:
    rule: str
    name: str
    blocks: list[tuple[str, str, str]]

    def files(self, *kinds: str) -> dict[str, str]:
        return {name: text for kind, name, text in self.blocks if kind in kinds}


def sections() -> list[Section]:
    parts = re.split(r"^## ", PAGE.read_text(), flags=re.M)[1:]
    titles = [part.partition("\n")[0].partition(" ") for part in parts]
    return [
        Section(rule, name, BLOCK.findall(part))
        for (rule, _, name), part in zip(titles, parts, strict=True)
    ]


BASE = next(one for one in sections() if not one.rule.startswith("NAD")).files("File")
ABOUT_RULES = [one for one in sections() if one.rule.startswith("NAD")]


def judge(root: Path, files: dict[str, str]) -> list[Draft]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "init", "--quiet")
    commit_all(root, "an example")
    project = load_project(root, CHECK_NAMES)
    return MonitoringCheck().run(Context(project=project, scratch=root)).drafts


@pytest.mark.unit
def test_every_rule_has_a_section() -> None:
    assert {one.rule: one.name for one in ABOUT_RULES} == RULES
    assert [one.rule for one in ABOUT_RULES if not (one.files("Bad") and one.files("Good"))] == []


@pytest.mark.unit
def test_the_table_names_every_rule() -> None:
    assert re.findall(r"^\| (NAD\d+) \|", PAGE.read_text(), re.M) == list(RULES)


@pytest.mark.integration
@pytest.mark.parametrize("section", ABOUT_RULES, ids=[one.rule for one in ABOUT_RULES])
def test_the_bad_example_is_found(section: Section, tmp_path: Path) -> None:
    found = judge(tmp_path, BASE | section.files("File", "Bad"))

    assert {draft.rule for draft in found} == {section.rule}
    assert {draft.path for draft in found} & set(section.files("Bad"))


@pytest.mark.integration
@pytest.mark.parametrize("section", ABOUT_RULES, ids=[one.rule for one in ABOUT_RULES])
def test_the_good_example_is_fine(section: Section, tmp_path: Path) -> None:
    found = judge(tmp_path, BASE | section.files("File", "Good"))

    assert [draft.message for draft in found] == []
