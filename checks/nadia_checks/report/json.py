"""The verdict as JSON, format "nadia/verdict/1"."""

from __future__ import annotations

import math
import sys
from typing import Any

import msgspec

from nadia_checks.core.verdict import SCHEMA, Verdict


def render(verdict: Verdict) -> str:
    """Always valid: what is not Unicode is escaped, NaN and infinity are left out."""
    document = _valid(msgspec.to_builtins(verdict))
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def schema() -> str:
    """The JSON Schema of the document; docs/verdict.schema.json holds it."""
    document = msgspec.json.schema(Verdict)
    document["$defs"]["Verdict"]["properties"]["schema"] = {"const": SCHEMA}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    return msgspec.json.format(msgspec.json.encode(head | document), indent=2).decode() + "\n"


def _valid(value: Any) -> Any:
    match value:
        case dict():
            return {_valid(key): _valid(one) for key, one in value.items() if not _endless(one)}
        case list():
            return [_valid(one) for one in value]
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case _:
            return value


def _endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


if __name__ == "__main__":
    sys.stdout.write(schema())
