"""Fixtures of ours that a project replaces by its own: worth a line at the start of the run."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any

from pytest_nadia.redis import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest


def overridden_fixtures(config: pytest.Config, items: Iterable[pytest.Item]) -> list[str]:
    """One line for each fixture of the project that stands in for one of ours in these tests."""
    ours = {name for name in vars(fixtures) if "redis" in name or name.startswith("assert_")}
    found = {
        f"{name} is the project's own: {_place(config, definition.func)}"
        for item in items
        for name, definition in _definitions(item)
        if name in ours and getattr(definition.func, "__module__", "") != fixtures.__name__
    }
    return sorted(found)


def _definitions(item: pytest.Item) -> Iterator[tuple[str, Any]]:
    known = getattr(item, "_fixtureinfo", None)
    for name, definitions in known.name2fixturedefs.items() if known else ():
        yield from ((name, each) for each in definitions)


def _place(config: pytest.Config, function: Any) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return f"a {type(function).__name__}, without a line of its own"
    return f"{os.path.relpath(code.co_filename, config.rootpath)}:{code.co_firstlineno}"
