from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nadia_checks.adoption.hooks import broken, overlapping

if TYPE_CHECKING:
    from pathlib import Path


def config(repo: str, rev: str | None = "v1", **hook: Any) -> dict[str, Any]:
    return {
        "repos": [{"repo": repo, "hooks": [{"id": "one", **hook}]} | ({"rev": rev} if rev else {})]
    }


@pytest.mark.parametrize(
    ("hook", "check"),
    [("ruff", "lint"), ("bandit", "security"), ("gitleaks", "secrets"), ("mypy", "types")],
)
def test_names_a_hook_that_does_the_same(hook: str, check: str) -> None:
    (line,) = overlapping(config("https://example.org/x", id=hook))
    assert f"the hook {hook} " in line
    assert f"'{check}'" in line


def test_is_silent_on_other_hooks() -> None:
    assert overlapping(config("https://example.org/x", id="end-of-file-fixer")) == []
    assert overlapping({"repos": [{"repo": "x", "hooks": [{"name": "no id"}]}]}) == []


@pytest.mark.parametrize(
    "hook",
    [
        {"args": ["--baseline", "gone.json"]},
        {"args": ["--baseline=gone.json"]},
        {"entry": "scan --config gone.json"},
    ],
)
def test_names_an_option_whose_file_is_missing(hook: dict[str, Any], tmp_path: Path) -> None:
    (line,) = broken(config("https://example.org/x", **hook), tmp_path)
    assert line.startswith(".pre-commit-config.yaml: the hook one names --")
    assert line.endswith("gone.json, which does not exist")
    (tmp_path / "gone.json").touch()
    assert broken(config("https://example.org/x", **hook), tmp_path) == []


@pytest.mark.parametrize(
    "hook",
    [
        {"language": "script", "entry": "tools/run --fast"},
        {"language": "system", "entry": "bash tools/run.sh"},
        {"language": "python", "entry": "python tools/run.py a b"},
    ],
)
def test_names_a_local_script_that_is_missing(hook: dict[str, Any], tmp_path: Path) -> None:
    (line,) = broken(config("local", None, **hook), tmp_path)
    assert "names the script tools/run" in line
    assert broken(config("https://example.org/x", **hook), tmp_path) == []


@pytest.mark.parametrize(
    "entry",
    [
        "nadia-gate",
        "bash -c 'tools/*.sh'",
        "python /usr/lib/x.py",
        "~/x.sh",
        "a 'unclosed",
        3,
        None,
    ],
)
def test_does_not_guess_at_programs_and_patterns(entry: object, tmp_path: Path) -> None:
    assert broken(config("local", None, language="system", entry=entry), tmp_path) == []


def test_names_a_repository_without_revision(tmp_path: Path) -> None:
    (line,) = broken(config("https://example.org/x", None), tmp_path)
    assert "https://example.org/x has no rev" in line
    assert broken(config("local", None), tmp_path) == broken(config("meta", None), tmp_path) == []


@pytest.mark.parametrize(
    "shape", [None, 3, {"repos": 3}, {"repos": [3]}, {"repos": [{"repo": []}]}]
)
def test_passes_over_other_shapes(shape: object, tmp_path: Path) -> None:
    assert broken(shape, tmp_path) == overlapping(shape) == []
