"""The gate's hook in .pre-commit-config.yaml, inserted as text so that the rest stays as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from nadia_checks.adoption.change import Change, decode, line_ending, read_bytes
from nadia_checks.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = ".pre-commit-config.yaml"
HOOK_ID = "nadia-gate"


@dataclass(frozen=True, slots=True)
class Style:
    """How a file indents: the column of a repository's dash, and the steps from there in."""

    dash: int = 2
    item: int = 2
    hooks: int = 2
    hook: int = 2


def precommit_change(top: Path, folder: str) -> Change | None:
    """The change that adds the hook, None where it is there already.

    `top` is the repository's root, where pre-commit reads its file; `folder` the project's folder
    below it, "" where they are the same.

    Raises:
        UsageError: the file cannot be read, or the hook cannot be added safely.
    """
    path = top / FILE
    before = read_bytes(path)
    text = decode(before, path)
    config = read_config(text)
    if has_gate(config):
        return None
    entry = gate_entry(folder)
    after = add_entry(text, config, entry)
    return Change(path, before, after.encode())


def gate_entry(folder: str) -> dict[str, Any]:
    """The entry of `repos:`; language system, so that hook and CI run the same version."""
    return {
        "repo": "local",
        "hooks": [
            {
                "id": HOOK_ID,
                "name": "nadia gate",
                "entry": "nadia-gate",
                **({"args": [folder]} if folder else {}),
                "language": "system",
                "pass_filenames": False,  # nosec B105: no password
                "always_run": True,
                "stages": ["pre-push", "manual"],
            }
        ],
    }


def read_config(text: str) -> Any:
    """The parsed file, None where it is empty.

    Raises:
        UsageError: it is not YAML.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise UsageError(f"{FILE}{place} is not valid YAML: {problem}") from None


def hooks_of(config: object) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each repository with each of its hooks; what is not of that shape is passed over."""
    repos = config.get("repos") if isinstance(config, dict) else None
    for repo in repos if isinstance(repos, list) else []:
        hooks = repo.get("hooks") if isinstance(repo, dict) else None
        for hook in hooks if isinstance(hooks, list) else []:
            if isinstance(hook, dict):
                yield repo, hook


def has_gate(config: object) -> bool:
    return any(hook.get("id") == HOOK_ID for _, hook in hooks_of(config))


def add_entry(text: str, config: Any, entry: dict[str, Any]) -> str:
    """The text with the entry at the end of its list of repositories.

    Raises:
        UsageError: the text is not written in a way that can be extended line by line.
    """
    newline = line_ending(text)
    if config is None:
        place, lines = len(text), ["repos:", *_lines(entry, Style())]
    elif (repos := _repos_node(text)) is not None:
        place, lines = _end_of(repos, text), list(_lines(entry, _style(repos)))
    else:
        raise _refusal(entry)
    start = text[:place]
    gap = newline if start and not start.endswith("\n") else ""
    after = start + gap + "".join(line + newline for line in lines) + text[place:]
    if not _added_only(config or {"repos": []}, after, entry):
        raise _refusal(entry)
    return after


def _added_only(config: Any, after: str, entry: dict[str, Any]) -> bool:
    try:
        found = yaml.safe_load(after)
    except yaml.YAMLError:
        return False
    return bool(found == {**config, "repos": [*config["repos"], entry]})


def _refusal(entry: dict[str, Any]) -> UsageError:
    return UsageError(
        f"{FILE}: its list of repos cannot be extended safely: add this entry to it, then run "
        f"nadia init again: {json.dumps(entry)}"
    )


def _lines(entry: dict[str, Any], style: Style) -> Iterator[str]:
    outer, inner = " " * style.dash, " " * (style.dash + style.item)
    yield f"{outer}-{' ' * (style.item - 1)}repo: {entry['repo']}"
    yield f"{inner}hooks:"
    for hook in entry["hooks"]:
        dash = inner + " " * style.hooks + "-" + " " * (style.hook - 1)
        for key, value in hook.items():
            yield f"{dash}{key}: {_value(value)}"
            dash = " " * len(dash)


def _value(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if _is_plain(text) else json.dumps(text)


def _is_plain(text: str) -> bool:
    letters = text.replace(" ", "").replace("-", "")
    return letters.isalnum() and bool(yaml.safe_load(text) == text)


def _repos_node(text: str) -> yaml.SequenceNode | None:
    """The list of repositories where it can be extended: in block style, with something in it."""
    root = yaml.compose(text, yaml.SafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else []:
        if key.value == "repos" and isinstance(value, yaml.SequenceNode):
            return value if value.value and not value.flow_style else None
    return None


def _end_of(repos: yaml.SequenceNode, text: str) -> int:
    """Where a further line belongs to the list of repositories."""
    end = _last_character(text, repos.start_mark.index)
    if text[end - 1] != "\n":
        end = text.find("\n", end) + 1 or len(text)
    return end + _comments_of_the_last(text[end:])


def _style(repos: yaml.SequenceNode) -> Style:
    """That of the first repository with hooks in block style."""
    dash = repos.start_mark.column
    for item in repos.value:
        for key, hooks in item.value if isinstance(item, yaml.MappingNode) else []:
            if key.value == "hooks" and hooks.value and not hooks.flow_style:
                column = item.start_mark.column
                first = hooks.value[0].start_mark.column
                hooks_dash = hooks.start_mark.column
                return Style(dash, column - dash, hooks_dash - column, first - hooks_dash)
    return Style(dash)


def _last_character(text: str, start: int) -> int:
    """The index behind the last character of the collection that starts at `start`."""
    depth = end = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if event.start_mark is None or event.end_mark is None:
            continue
        first, last = event.start_mark.index, event.end_mark.index
        inside = depth > 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += inside or first == start
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= inside
        # The end of a block collection is only noticed at the next word, with nothing between.
        if inside and last > first:
            end = last
    return end


def _comments_of_the_last(rest: str) -> int:
    """How many characters of comments directly below still belong to the last repository."""
    lines = rest.splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.lstrip().startswith("#")), None)
    comments = lines[:count]
    if count is not None and lines[count].strip():
        outer = (n for n, line in enumerate(comments) if line.startswith("#"))
        comments = comments[: next(outer, None)]
    return sum(map(len, comments))
