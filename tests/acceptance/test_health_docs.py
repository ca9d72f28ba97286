"""docs/health.md and docs/alerts.md do not lie: their examples are run, their tables complete."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from nadia_checks.core.config import parse_config
from nadia_checks.registry import CHECK_NAMES
from pytest_nadia.health.judging import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [DOCS / "health.md", DOCS / "alerts.md"]


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_does_what_the_page_says(
    page: Path, page_of: Callable[[Path], Any], run_examples: Callable[..., None]
) -> None:
    run_examples(list(page_of(page).examples()))


@pytest.mark.unit
def test_the_table_names_every_outcome() -> None:
    table = PAGES[0].read_text(encoding="utf-8").partition("| outcome |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.M)) == set(get_args(Outcome))


@pytest.mark.unit
def test_the_configuration_and_the_document_are_valid(page_of: Callable[[Path], Any]) -> None:
    blocks = page_of(PAGES[0]).blocks
    tables = [tomllib.loads(text) for language, text in blocks if language == "toml"]
    documents = [json.loads(text) for language, text in blocks if language == "json"]

    assert [parse_config(one["tool"]["nadia"], CHECK_NAMES).health.check for one in tables]
    assert [one["schema"] for one in documents] == ["nadia/health/1"]
