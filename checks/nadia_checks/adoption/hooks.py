"""What is said of the hooks that a project has already: none is removed, none is changed."""

from __future__ import annotations

import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nadia_checks.adoption.precommit import FILE, hooks_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The check that looks for the same, by the hook's id.
OVERLAPPING = {
    "ruff": "lint",
    "ruff-check": "lint",
    "ruff-format": "lint",
    "black": "lint",
    "isort": "lint",
    "flake8": "lint",
    "bandit": "security",
    "detect-secrets": "secrets",  # pragma: allowlist secret
    "detect-private-key": "secrets",
    "gitleaks": "secrets",
    "trufflehog": "secrets",
    "ggshield": "secrets",
    "mypy": "types",
    "pytest": "pytest",
}
NAMES_A_FILE = ("--baseline", "--config", "--config-file", "--rcfile", "--settings-path")
WITHOUT_REVISION = ("local", "meta")
SCRIPTS = (".py", ".sh")


def overlapping(config: object) -> list[str]:
    """One line a hook that does what a check of the gate does too."""
    return [
        f"{FILE}: the hook {hook['id']} looks for what the check {check!r} looks for too: "
        "keep it for its speed or remove it, the gate needs neither"
        for _, hook in hooks_of(config)
        if (check := OVERLAPPING.get(str(hook.get("id", ""))))
    ]


def broken(config: object, top: Path) -> list[str]:
    """One line a hook or repository that cannot work as it stands."""
    return [f"{FILE}: {text}" for text in (*_revisions(config), *_missing_files(config, top))]


def _revisions(config: object) -> Iterator[str]:
    repos = config.get("repos") if isinstance(config, dict) else None
    for repo in repos if isinstance(repos, list) else []:
        name = repo.get("repo") if isinstance(repo, dict) else None
        if name and name not in WITHOUT_REVISION and not repo.get("rev"):
            yield f"{name} has no rev, pre-commit refuses the whole file: add its rev"


def _missing_files(config: object, top: Path) -> Iterator[str]:
    for repo, hook in hooks_of(config):
        name = hook.get("id", "(without id)")
        for what, path in (*_option_files(hook), *_scripts(repo, hook)):
            if not (top / path).exists():
                yield f"the hook {name} names {what} {path}, which does not exist"


def _option_files(hook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    words = [*_words(hook.get("entry")), *_arguments(hook)]
    for word, following in pairwise([*words, ""]):
        option, equals, value = word.partition("=")
        if option in NAMES_A_FILE and (path := value if equals else following):
            yield option, path


def _scripts(repo: dict[str, Any], hook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if repo.get("repo") != "local":
        return
    words = _words(hook.get("entry"))
    if hook.get("language") in {"script", "unsupported_script"}:
        yield from (("the script", word) for word in words[:1])
    else:
        yield from (("the script", word) for word in words if _is_script(word))


def _is_script(word: str) -> bool:
    """A path in the repository that is meant to be run, as far as its form tells."""
    shell = any(char in word for char in "*${}()|;&<> ")
    return word.endswith(SCRIPTS) and not word.startswith(("-", "/", "~")) and not shell


def _words(entry: object) -> list[str]:
    try:
        return shlex.split(entry) if isinstance(entry, str) else []
    except ValueError:
        return []


def _arguments(hook: dict[str, Any]) -> list[str]:
    args = hook.get("args")
    return [str(word) for word in args] if isinstance(args, list) else []
