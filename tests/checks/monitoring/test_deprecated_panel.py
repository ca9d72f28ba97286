"""NAD807: a panel of a type that Grafana has replaced."""

from __future__ import annotations

from typing import Any

import pytest

from nadia_checks.monitoring.deprecated_panel import REPLACED

pytestmark = pytest.mark.integration


def dashboard(kind: str) -> str:
    return f'{{"panels": [\n{{"title": "T",\n "type": "{kind}", "gridPos": {{}}}}]}}'


@pytest.mark.parametrize("kind", sorted(REPLACED))
def test_is_found(only: Any, kind: str) -> None:
    draft = only({"d.json": dashboard(kind)})

    assert (draft.rule, draft.severity, draft.line) == ("NAD807", "warning", 3)
    assert draft.help == f"save it as {REPLACED[kind]}"


@pytest.mark.parametrize("kind", ["row", "text", "logs", "alertlist", *sorted(REPLACED.values())])
def test_panels_of_today_are_fine(look: Any, kind: str) -> None:
    assert look({"d.json": dashboard(kind)}).drafts == []


def test_panels_in_rows_and_in_an_export_are_found(found: Any) -> None:
    old = '{"dashboard": {"schemaVersion": 6, "rows": [{"panels": [{"type": "graph"}]}]}}'
    new = '{"schemaVersion": 30, "panels": [\n{"type": "row", "panels": [\n{"type": "graph"}]}]}'

    assert found("NAD807", {"old.json": old, "new.json": new}) == [
        ("new.json", 3, "warning"),
        ("old.json", 1, "warning"),
    ]
