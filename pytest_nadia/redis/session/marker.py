"""What `@pytest.mark.redis(...)` says of a test."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.redis.session.choice import parse_choice
from pytest_nadia.redis.session.keys import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping


class MarkerError(Exception):
    """The marker's arguments are wrong; one line says how."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The arguments of a test's markers, the nearest winning; the defaults where it has none."""

    backend: str = ""
    diverges: str = ""
    off: bool = False
    max_commands: int | None = None
    max_round_trips: int | None = None
    lints: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_budget(self) -> bool:
        return self.max_commands is not None or self.max_round_trips is not None


_NAMES = tuple(one.name for one in fields(Marker))
DEFAULT = Marker()


def marker_of(item: pytest.Item) -> Marker:
    return item.stash.get(MARKER, DEFAULT)


def read_marker(item: pytest.Item) -> Marker:
    """Raises MarkerError."""
    arguments: dict[str, Any] = {}
    found = False
    for mark in item.iter_markers("redis"):
        found = True
        _check(mark)
        arguments = {**mark.kwargs, **arguments}
    return Marker(**arguments) if found else DEFAULT


def _check(mark: pytest.Mark) -> None:
    if mark.args:
        given = ", ".join(repr(each) for each in mark.args)
        raise MarkerError(
            f"@pytest.mark.redis({given}): its arguments are named: {', '.join(_NAMES)}"
        )
    for name, value in mark.kwargs.items():
        if problem := _problem(name, value):
            # A URL may hold a password.
            shown = "..." if "@" in str(value) else repr(value)
            raise MarkerError(f"@pytest.mark.redis({name}={shown}): {problem}")


def _problem(name: str, value: object) -> str:
    match name:
        case "backend":
            return _problem_of_backend(value)
        case "diverges":
            return "" if isinstance(value, str) and value.strip() else "expected a reason, as text"
        case "off":
            return "" if isinstance(value, bool) else "expected True or False"
        case "max_commands" | "max_round_trips":
            return "" if _is_count(value) else "expected a whole number from 0 on"
        case "lints":
            return _problem_of_lints(value)
    near = difflib.get_close_matches(name, _NAMES, 1, 0.5)
    return f"there is no such argument; {f'did you mean {near[0]}?' if near else _known()}"


def _known() -> str:
    return f"there are {', '.join(_NAMES)}"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _problem_of_backend(value: object) -> str:
    if not isinstance(value, str):
        return "expected embedded, server, both or a URL, as text"
    try:
        parse_choice(value)
    except ValueError as error:
        return str(error)
    return ""


def _problem_of_lints(value: object) -> str:
    if not isinstance(value, dict):
        return 'expected a dictionary, such as {"NAD401": "error"}'
    from pytest_nadia.redis.settings import RedisSettings, SettingsError, with_lints

    try:
        with_lints(RedisSettings(), value)
    except SettingsError as error:
        return str(error)
    return ""
