"""A generic webhook: JSON, of a size that receivers take, with times that mean one moment.

There is no vendor, so the limits are ours: 256 KiB, which is what the strictest of the common
receivers takes (Amazon SNS, docs.aws.amazon.com/sns/latest/api/API_Publish.html).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError

from pytest_nadia.alerts.payloads.timestamps import timestamp_problem
from pytest_nadia.alerts.payloads.verdict import (
    Answer,
    Problem,
    json_answer,
    schema_problems,
    shortened,
    strings,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeGuard

SCHEMA: dict[str, Any] = {"type": "object", "minProperties": 1}
_TIME = re.compile(r"(?:^|_)(?:timestamp|datetime)$|^ts$", re.IGNORECASE)
# Names that may mean something else, so that the value must look like a time too.
_PERHAPS_TIME = re.compile(r"_at$|At$|^(?:at|time|date)$")
_LOOKS_LIKE_TIME = re.compile(r"\d{4}-?\d\d")
_TITLES = ("title", "subject", "summary", "text", "message", "description")


class Webhook:
    """`require` adds a schema of the project's own."""

    channel = "webhook"
    largest = 256 * 1024

    def __init__(self) -> None:
        self._schemas = [SCHEMA]

    def require(self, schema: Mapping[str, Any]) -> None:
        """Raises ValueError if it is no JSON Schema."""
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"this is no JSON Schema: {shortened(error.message)}") from None
        self._schemas.append(dict(schema))

    def problems(self, payload: object) -> list[Problem]:
        found = [one for schema in self._schemas for one in schema_problems(payload, schema)]
        return [*found, *_times("", payload)]

    def text(self, payload: object) -> str:
        named = list(texts_of(payload, _TITLES)) if isinstance(payload, dict) else []
        return "\n".join(named or strings(payload))

    def accepted(self, query: Mapping[str, list[str]]) -> Answer:
        return json_answer(200, {"ok": True})

    def refused(self, problems: Sequence[Problem]) -> Answer:
        return json_answer(400, {"ok": False, "error": problems[0].text})

    def failed(self, status: int, retry_after: float | None) -> Answer:
        return json_answer(status, {"ok": False, "error": "demanded by the test"})


def _times(where: str, value: object) -> Iterator[Problem]:
    """Members whose names say that they are times; numbers are seconds since the epoch."""
    members = value.items() if isinstance(value, dict) else ()
    for name, inner in members:
        if _is_time(name, inner) and (wrong := timestamp_problem(inner)):
            place = f"{where}{name} {shortened(inner, 40)!r}"
            yield Problem(f"{place} {wrong}", refused=False)
        yield from _times(f"{where}{name}.", inner)
    for number, inner in enumerate(value if isinstance(value, list) else ()):
        yield from _times(f"{where}{number}.", inner)


def _is_time(name: str, value: object) -> TypeGuard[str]:
    if not isinstance(value, str):
        return False
    if _TIME.search(name):
        return True
    return bool(_PERHAPS_TIME.search(name) and _LOOKS_LIKE_TIME.match(value))
