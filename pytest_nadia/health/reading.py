"""What a check said, whatever form it gave it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Literal

import msgspec

State = Literal["healthy", "unhealthy", "nonsense"]

_GOOD = (
    "ok okay healthy pass passed passing up green good alive ready running success connected "
    "operational normal fine true"
)
_BAD = (
    "warning warn degraded critical unhealthy error fail failed failing failure down red bad "
    "yellow unknown dead unavailable fatal crit false timeout"
)
_HEALTHY: State = "healthy"
_UNHEALTHY: State = "unhealthy"
_STATES = dict.fromkeys(_GOOD.split(), _HEALTHY) | dict.fromkeys(_BAD.split(), _UNHEALTHY)
_FLAGS = ("healthy", "is_healthy", "ok", "is_ok")
_STATUSES = ("overall_status", "overall", "status", "state", "health")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_MOST_TEXT = 20_000
_DEEPEST = 6
# An exception with such a name is a check's way to say "unhealthy", not a crash of it.
_SAYS_UNHEALTHY = re.compile(r"Unhealthy|HealthCheck|ServiceUnavailable|NotHealthy")


class Reading(msgspec.Struct, frozen=True):
    """A result: healthy or not, and the lines of text that came with it."""

    state: State
    lines: tuple[str, ...] = ()


def read(result: object) -> Reading:
    """The reading of what a check returned; "nonsense" where it says neither yes nor no."""
    state = _state(result)
    lines = _lines(result)
    return Reading(state, lines or _cut(repr(result)) if state == "nonsense" else lines)


def read_exit(code: int, output: str) -> Reading:
    """The reading of a command: 0 is healthy, and what it printed is its text."""
    return Reading("healthy" if code == 0 else "unhealthy", _cut(output))


def read_error(error: BaseException) -> Reading | None:
    """An exception by which checks say "unhealthy" or end a program; None if it is a crash."""
    if isinstance(error, SystemExit):
        return _read_system_exit(error)
    if isinstance(error, AssertionError) or _SAYS_UNHEALTHY.search(type(error).__name__):
        return Reading("unhealthy", _cut(str(error)))
    return None


def _read_system_exit(error: SystemExit) -> Reading:
    if error.code is None or isinstance(error.code, int):
        return read_exit(error.code or 0, "")
    return read_exit(1, str(error.code))


def _state(result: object, depth: int = 0) -> State:
    match result:
        case bool():
            return "healthy" if result else "unhealthy"
        case Enum():
            return _state(result.value, depth)
        case int():
            return "healthy" if result == 0 else "unhealthy"
        case str():
            return _state_of_text(result)
        case None | float() | bytes():
            return "nonsense"
    return "nonsense" if depth > _DEEPEST else _state_of_many(result, depth + 1)


def _state_of_many(result: object, depth: int) -> State:
    fields = _fields(result)
    if fields is None:
        return _state_of_sequence(result, depth)
    for name in (*_FLAGS, *_STATUSES):
        if name in fields and not callable(fields[name]):
            return _state(fields[name], depth)
    return _worst(_state(value, depth) for value in fields.values() if _is_nested(value))


def _state_of_sequence(result: object, depth: int) -> State:
    if isinstance(result, tuple) and result and isinstance(result[0], bool | str | int | Enum):
        return _state(result[0], depth)
    if isinstance(result, list | tuple | set | frozenset):
        return _worst(_state(one, depth) for one in result)
    return "nonsense"


def _is_nested(value: object) -> bool:
    return isinstance(value, bool | Mapping) or _fields(value) is not None


def _worst(states: Iterator[State]) -> State:
    found = set(states)
    if "unhealthy" in found:
        return "unhealthy"
    return "healthy" if found == {"healthy"} else "nonsense"


def _state_of_text(text: str) -> State:
    """By the first word that says how it is."""
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in _STATES:
            return _STATES[word]
    return "nonsense"


def _fields(result: object) -> Mapping[str, Any] | None:
    """What has names; None for what has none."""
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items()}
    if isinstance(result, type | str | bytes | int | float | list | tuple | set | frozenset):
        named = getattr(result, "_asdict", None)
        return named() if callable(named) and isinstance(result, tuple) else None
    fields = _attributes(result)
    return fields or None


def _attributes(result: object) -> dict[str, Any]:
    if dataclasses.is_dataclass(result):
        found = {one.name: getattr(result, one.name) for one in dataclasses.fields(result)}
    elif isinstance(result, msgspec.Struct):
        found = msgspec.structs.asdict(result)
    else:
        found = {k: v for k, v in getattr(result, "__dict__", {}).items() if k[0] != "_"}
    for name in (*_FLAGS, *_STATUSES):
        if name not in found and isinstance(getattr(type(result), name, None), property):
            found[name] = getattr(result, name)
    return found


def _lines(result: object) -> tuple[str, ...]:
    """One line for each thing that is said, with the names of what it is said about."""
    return _cut("\n".join(_leaves(result, (), 0)))


def _leaves(value: object, path: tuple[str, ...], depth: int) -> Iterator[str]:
    if isinstance(value, Enum):
        value = value.value
    if value is None or callable(value) or (isinstance(value, bool) and not path):
        return
    if isinstance(value, str | bytes | int | float):
        yield from _leaf(value, path)
        return
    fields = _fields(value)
    if depth > _DEEPEST:
        yield " ".join([*path, str(value)])
    elif fields is not None:
        yield from _leaves_of_fields(fields, path, depth)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _leaves(one, path, depth + 1)
    else:
        yield " ".join([*path, str(value)])


def _leaves_of_fields(
    fields: Mapping[str, Any], path: tuple[str, ...], depth: int
) -> Iterator[str]:
    plain = {k: v for k, v in fields.items() if isinstance(v, str | int | float | Enum)}
    # One thing's plain fields belong together: its name, its status and its message.
    if "name" in plain or "component" in plain:
        yield " ".join([*path, *(_text(value) for value in plain.values())])
        rest = {name: value for name, value in fields.items() if name not in plain}
    else:
        rest = dict(fields)
    for name, value in rest.items():
        yield from _leaves(value, (*path, name), depth + 1)


def _leaf(value: str | bytes | float, path: tuple[str, ...]) -> Iterator[str]:
    for line in _text(value).splitlines() or [""]:
        yield " ".join([*path, line])


def _text(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _cut(text: str) -> tuple[str, ...]:
    lines = (" ".join(line.split()) for line in text[:_MOST_TEXT].splitlines())
    return tuple(line for line in lines if line)


def shown(reading: Reading) -> str:
    """A reading on one line."""
    text = "; ".join(reading.lines)[:300]
    return f"{reading.state}: {text}" if text else reading.state


def speaks(reading: Reading) -> bool:
    """Whether it says more than healthy or not."""
    words = re.findall(r"[a-z]{2,}", " ".join(reading.lines).lower())
    known = {*_STATES, *_FLAGS, *_STATUSES, "is"}
    return any(word not in known for word in words)


def news(healthy: Reading, now: Reading, number: float | None = None) -> list[str]:
    """The lines that the healthy run did not have.

    A line in which only numbers differ is noise, unless it holds the `number` that was put in.
    """
    before = {_without_numbers(line) for line in healthy.lines}
    exact = set(healthy.lines)
    return [
        line
        for line in now.lines
        if _without_numbers(line) not in before
        or (number is not None and line not in exact and holds(line, number))
    ]


def _without_numbers(line: str) -> str:
    return _NUMBER.sub("#", line)


def holds(line: str, number: float) -> bool:
    """Whether a line of text names the number."""
    return any(float(found) == number for found in _NUMBER.findall(line))
