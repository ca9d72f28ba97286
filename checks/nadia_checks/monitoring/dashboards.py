"""Grafana's dashboards: their panels, and what these ask of Prometheus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.documents import Place

_NAME = re.compile(r"\$\{?(\w+)\}?$")
_OTHER = re.compile(r"loki|influx|elastic|tempo|graphite|cloudwatch|mysql|postgres|jaeger", re.I)
ANY = "datasource"
UNSAID = ("", "null", "default", "-- Mixed --")


@dataclass(frozen=True, slots=True)
class Described:
    """A panel as it is written; `line` is where its type stands."""

    title: str
    type: str
    line: int
    queries: list[Place]


def panels(document: Place) -> Iterator[Described]:
    """Every panel that shows data, also those within rows."""
    dashboard = document.get("dashboard") or document
    variables = dict(_variables(dashboard))
    for place in _panels(dashboard):
        kind = place.get("type")
        title = place.text("title") or "without a title"
        line = kind.line if kind else place.line
        yield Described(title, place.text("type"), line, list(_queries(place, variables)))


def _panels(place: Place) -> Iterator[Place]:
    for row in place.items("rows"):
        yield from _panels(row)
    for panel in place.items("panels"):
        yield from _panels(panel)
        if panel.text("type") != "row":
            yield panel


def _queries(panel: Place, variables: dict[str, str]) -> Iterator[Place]:
    common = _asks_prometheus(panel, variables)
    for target in panel.items("targets"):
        own = _asks_prometheus(target, variables)
        expression = target.get("expr")
        # Where nothing is said it is the default, and that is Prometheus almost everywhere.
        if expression and expression.value and (common if own is None else own) is not False:
            yield expression


def _asks_prometheus(place: Place, variables: dict[str, str]) -> bool | None:
    """Whether the data source of a panel or a target is one; None where that is not said."""
    kind = place.text("datasource", "type")
    if kind and kind != ANY:
        return "prom" in kind or "metrics" in kind
    named = place.text("datasource") or place.text("datasource", "uid")
    if named in UNSAID:
        return None
    variable = _NAME.match(named)
    return not _OTHER.search(variables.get(variable[1], named) if variable else named)


def _variables(dashboard: Place) -> Iterator[tuple[str, str]]:
    """The variables that stand for a data source, each with its type."""
    for place in dashboard.items("__inputs"):
        yield place.text("name"), place.text("pluginId")
    for place in dashboard.items("templating", "list"):
        if place.text("type") == "datasource":
            yield place.text("name"), place.text("query")
