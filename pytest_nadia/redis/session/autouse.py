"""`[tool.nadia.redis] autouse`: every test under these paths has an empty Redis unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.session.marker import marker_of
from pytest_nadia.redis.session.usage import FIXTURE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


def give_redis(items: Sequence[pytest.Item], root: Path, paths: Sequence[str]) -> list[str]:
    """Insert the fixture into the tests under the paths; gives the paths that hold no test."""
    folders = {path: (root / path).resolve() for path in paths}
    empty = dict.fromkeys(paths)
    for item in items:
        covering = [path for path, folder in folders.items() if _covers(folder, item.path)]
        for path in covering:
            empty.pop(path, None)
        if covering and not marker_of(item).off:
            _insert(item)
    return list(empty)


def _covers(folder: Path, path: Path) -> bool:
    return path == folder or folder in path.parents


def _insert(item: pytest.Item) -> None:
    names: list[str] | None = getattr(item, "fixturenames", None)
    if names is not None and FIXTURE not in names:
        # First, so that the variables are set before any other fixture reads them. A new list:
        # the tests of one function share theirs.
        item.fixturenames = [FIXTURE, *names]  # type: ignore[attr-defined]


def useless_paths(config: pytest.Config, empty: Sequence[str]) -> list[str]:
    """One line for each path that names nothing, or no test though this run looked there."""
    lines = []
    for path in empty:
        folder = (config.rootpath / path).resolve()
        if not folder.exists():
            lines.append(f"[tool.nadia.redis] autouse: {path} does not exist")
        elif _was_looked_through(config, folder):
            lines.append(f"[tool.nadia.redis] autouse: {path} holds no test")
    return lines


def _was_looked_through(config: pytest.Config, folder: Path) -> bool:
    if config.getoption("lf", default=False):
        return False
    base = config.invocation_params.dir
    return any(_covers((base / argument).resolve(), folder) for argument in config.args)
