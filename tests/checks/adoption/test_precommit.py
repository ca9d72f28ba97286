from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from nadia_checks.adoption.precommit import (
    add_entry,
    gate_entry,
    has_gate,
    precommit_change,
    read_config,
)
from nadia_checks.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = """\
repos:
  - repo: local
    hooks:
      - id: one
"""
FOUR_COLUMNS = """\
# Hooks of this project
repos:
-   repo: https://example.org/black
    rev: v1  # newest
    hooks:
    -   id: black
        args: [--fast,
           --safe]  # both
        # - id: off
    # - id: off-too
# Continuous integration
ci:
    skip: [black]
"""
BLOCK_TEXT = """\
repos:
- repo: local
  hooks:
  - id: one
    description: |
      said

      at length

default_stages: [manual]
"""
ALIAS = "x: &x {repo: local, hooks: [{id: one}]}\nrepos:\n - *x\n"
ENDED = "---\nrepos:\n- repo: local\n  hooks: [{id: one}]\n...\n"
TAIL_COMMENT = PLAIN + "#  - repo: off\n"
READABLE = [PLAIN, FOUR_COLUMNS, BLOCK_TEXT, ALIAS, ENDED, TAIL_COMMENT]


def add(text: str, folder: str = "") -> str:
    return add_entry(text, read_config(text), gate_entry(folder))


def added_lines(before: str, after: str) -> list[str]:
    """The lines of `after` that are new, if the others are exactly those of `before`."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    extra = len(new) - len(old)
    for start in range(len(new)):
        if new[:start] + new[start + extra :] == old:
            return new[start : start + extra]
    raise AssertionError("more than an insertion")


@pytest.mark.parametrize("text", READABLE)
def test_adds_one_entry_and_keeps_every_other_byte(text: str) -> None:
    after = add(text)
    expected = yaml.safe_load(text)
    expected["repos"].append(gate_entry(""))
    assert yaml.safe_load(after) == expected
    assert len(added_lines(text, after)) == 9


@pytest.mark.parametrize("text", READABLE)
def test_keeps_carriage_returns(text: str) -> None:
    text = text.replace("\n", "\r\n")
    after = add(text)
    assert added_lines(text, after)
    assert after.count("\n") == after.count("\r\n")


def test_ends_an_unended_last_line() -> None:
    after = add(PLAIN.rstrip("\n"))
    assert after.startswith(PLAIN + "  - repo: local\n")


def test_writes_in_the_style_of_the_file() -> None:
    lines = added_lines(FOUR_COLUMNS, add(FOUR_COLUMNS))
    assert lines[:3] == ["-   repo: local\n", "    hooks:\n", "    -   id: nadia-gate\n"]
    assert lines[3] == "        name: nadia gate\n"


def test_comments_keep_the_neighbour_that_they_speak_of() -> None:
    after = add(FOUR_COLUMNS)
    ours = after.index("nadia-gate")
    assert after.index("off-too") < ours < after.index("# Continuous integration")
    assert add(TAIL_COMMENT).index("repo: off") < add(TAIL_COMMENT).index("nadia-gate")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "# nothing yet"])
def test_starts_a_list_in_an_empty_file(text: str) -> None:
    after = add(text)
    assert after.startswith(text)
    assert yaml.safe_load(after) == {"repos": [gate_entry("")]}


def test_the_entry_runs_the_installed_gate_on_the_whole_project() -> None:
    (hook,) = gate_entry("")["hooks"]
    assert hook == {
        "id": "nadia-gate",
        "name": "nadia gate",
        "entry": "nadia-gate",
        "language": "system",
        "pass_filenames": False,  # nosec B105: no password
        "always_run": True,
        "stages": ["pre-push", "manual"],
    }


@pytest.mark.parametrize("folder", ["services/bot", "on", "12", "with space", "a: b", "ö"])
def test_names_a_project_below_the_repository(folder: str) -> None:
    config: dict[str, Any] = yaml.safe_load(add("", folder))
    assert config["repos"][0]["hooks"][0]["args"] == [folder]


@pytest.mark.parametrize(
    "text",
    [
        "repos: []\n",
        "repos: [{repo: local, hooks: []}]\n",
        "repos:\n",
        "- repo: local\n",
        "minimum_pre_commit_version: '3'\n",
        "repos: none\n",
        "just words\n",
        "---\n# nothing\n...\n",
    ],
)
def test_says_what_to_paste_where_it_cannot_insert(text: str) -> None:
    with pytest.raises(UsageError, match=r'add this entry .*"id": "nadia-gate"') as caught:
        add(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["repos: [", "a: b: c\n", "\tx", "a: !!python/name:os.getcwd ''"])
def test_names_the_line_of_broken_yaml(text: str) -> None:
    with pytest.raises(UsageError, match=r"^\.pre-commit-config\.yaml:1 is not valid YAML: \w"):
        read_config(text)


def test_leaves_a_file_that_has_the_hook(tmp_path: Path) -> None:
    change = precommit_change(tmp_path, "")
    assert change is not None
    assert change.before is None
    change.path.write_bytes(change.after)
    assert precommit_change(tmp_path, "") is None


@pytest.mark.parametrize("config", [None, [], {"repos": 3}, {"repos": [3]}, {"repos": [{}]}])
def test_looks_for_the_hook_in_any_shape(config: object) -> None:
    assert not has_gate(config)
