"""docs/clock.md does not lie: its examples are run, and its table names what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clock.md"


@pytest.mark.integration
@pytest.mark.slow
def test_every_example_does_what_the_page_says(
    page_of: Callable[[Path], Any], run_examples: Callable[..., None]
) -> None:
    run_examples(list(page_of(PAGE).examples()))


@pytest.mark.unit
def test_the_table_names_every_method() -> None:
    named = set(re.findall(r"^\| `(\w+)\(", PAGE.read_text(encoding="utf-8"), re.M))
    there = {name for name, _ in inspect.getmembers(VirtualClock) if not name.startswith("_")}

    assert named == there - {"follow"}
