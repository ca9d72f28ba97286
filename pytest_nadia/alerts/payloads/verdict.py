"""What is said of a payload: its problems, and what a reader of the channel would see."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MOST_ERRORS = 5
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect, in one line.

    `refused`: the real service answers with an error (`code` is its name for it). Otherwise it
    takes the message, and does something with it that nobody wanted.
    """

    text: str
    refused: bool = True
    code: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, body: object) -> Answer:
    return Answer(status, json.dumps(body).encode(), "application/json")


def shortened(text: str, longest: int = _LONGEST) -> str:
    """One line of it, for a message."""
    line = repr(text)[1:-1]
    return line if len(line) <= longest else f"{line[:longest]}..."


def parse_json(raw: bytes) -> object:
    """Strict JSON. Raises ValueError with one line for anything else, NaN and Infinity too."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(raw.decode("utf-8"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def schema_problems(payload: object, schema: Mapping[str, Any]) -> list[Problem]:
    """What JSON Schema finds, the outermost first, five at most; `code` is the path's first key."""
    errors = sorted(Draft202012Validator(schema).iter_errors(payload), key=lambda one: one.path)
    return [_problem(one) for one in errors[:_MOST_ERRORS]]


def _problem(error: Any) -> Problem:
    path = ".".join(map(str, error.absolute_path))
    place = path or "the payload"
    return Problem(f"{place} {_defect(error)}", code=path.partition(".")[0])


def _defect(error: Any) -> str:
    """jsonschema's own words repeat the whole value."""
    limit, value = error.validator_value, error.instance
    match error.validator:
        case "maxLength":
            return f"has {len(value)} characters, the limit is {limit}"
        case "minLength":
            return f"has {len(value)} characters, at least {limit} are needed"
        case "maxItems":
            return f"has {len(value)} items, the limit is {limit}"
        case "minItems" | "minProperties":
            return "is empty"
        case "type":
            wanted = limit if isinstance(limit, str) else " or ".join(limit)
            return f"is {shortened(json.dumps(value), 40)}, which is no {wanted}"
        case _:
            return f"is wrong: {shortened(error.message)}"


def strings(value: object) -> Iterator[str]:
    """All texts in a JSON value, in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none if it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts_of(owner: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """Those of the named members that are texts and not empty."""
    for name in names:
        if isinstance(text := owner.get(name), str) and text:
            yield text
