"""docs/configuration.md shows every key, and its schema is the structs' own."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from nadia_checks.core.config import Config, json_schema, parse_config
from nadia_checks.registry import CHECK_NAMES

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[1] / "docs"
RENEW = (
    'python -c "import json; from nadia_checks.core.config import json_schema; '
    'print(json.dumps(json_schema(), indent=2))" > docs/configuration.schema.json'
)


@pytest.fixture
def example() -> dict[str, dict[str, object]]:
    text = (DOCS / "configuration.md").read_text()
    block = text.partition("```toml\n")[2].partition("```")[0]
    table = tomllib.loads(block)["tool"]["nadia"]
    assert isinstance(table, dict)
    return table


def test_the_schema_is_current() -> None:
    written = json.loads((DOCS / "configuration.schema.json").read_text())

    assert written == json_schema(), f"renew it: {RENEW}"


def test_the_example_is_valid(example: dict[str, dict[str, object]]) -> None:
    assert parse_config(example, CHECK_NAMES).pytest.time_limit == 900


def test_the_example_shows_every_key(example: dict[str, dict[str, object]]) -> None:
    names = [*CHECK_NAMES, "redis"]
    tables: dict[str, type[msgspec.Struct]] = {
        "": Config,
        **{name: type(getattr(Config(), name)) for name in names},
    }
    shown = {"": set(example), **{name: set(example[name]) for name in names}}
    missing = [
        f"{table}.{field.encode_name}"
        for table, struct in tables.items()
        for field in msgspec.structs.fields(struct)
        if field.encode_name not in shown[table] and field.name != "time_limit"
    ]

    assert missing == []
