"""NAD807: a panel of a type that Grafana has replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.evidence import Evidence

RULE = Rule(
    number="NAD807",
    name="deprecated-panel",
    severity=Severity.WARNING,
    what="A dashboard has a panel of a type that Grafana has replaced.",
    why=(
        "These types are made with AngularJS, which Grafana 12 does not load any more: the panel "
        "is converted as well as it goes, or it stays empty."
    ),
    repair="save the panel as the type that the finding names",
    bad='{"type": "graph", "title": "Memory"}',
    good='{"type": "timeseries", "title": "Memory"}',
)

# https://grafana.com/docs/grafana/latest/developers/angular_deprecation/
REPLACED = {
    "graph": "timeseries",
    "graph2": "timeseries",
    "singlestat": "stat",
    "table-old": "table",
    "grafana-singlestat-panel": "stat",
    "grafana-piechart-panel": "piechart",
    "grafana-worldmap-panel": "geomap",
    "natel-discrete-panel": "state-timeline",
    "briangann-gauge-panel": "gauge",
    "vonage-status-panel": "stat",
    "savantly-heatmap-panel": "heatmap",
    "mtanda-histogram-panel": "histogram",
    "petrslavotinek-carpetplot-panel": "heatmap",
    "btplc-status-dot-panel": "stat",
    "flant-statusmap-panel": "status-history",
    "snuids-radar-panel": "barchart",
    "farski-blendstat-panel": "stat",
    "jdbranham-diagram-panel": "canvas",
}


def find(evidence: Evidence) -> Iterator[Draft]:
    for panel in evidence.sources.panels:
        if instead := REPLACED.get(panel.type):
            yield Draft(
                rule=RULE.number,
                severity=RULE.severity,
                path=panel.path,
                line=panel.line,
                message=f"panel {panel.title} is of the type {panel.type}, which Grafana replaced",
                help=f"save it as {instead}",
                content=f"{panel.title} {panel.type}",
            )
