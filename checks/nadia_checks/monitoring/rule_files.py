"""Rules of Prometheus: in plain files and in PrometheusRule objects of Kubernetes.

Format: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.documents import Place

# What other engines than Prometheus call the language of a group (vmalert).
PROMETHEUS = ("", "prometheus")


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert, or a recording rule; `expression` is None where it has none."""

    name: str
    alert: bool
    line: int
    expression: Place | None


def rules(document: Place) -> Iterator[Rule]:
    """The rules of one document; of a list of Kubernetes objects, those of each."""
    for item in document.items("items"):
        yield from rules(item)
    for group in [*document.items("groups"), *document.items("spec", "groups")]:
        if group.text("type") in PROMETHEUS:
            yield from (_rule(one) for one in group.items("rules"))


def _rule(place: Place) -> Rule:
    alert = place.get("alert") is not None
    name = f"alert {place.text('alert')}" if alert else f"rule {place.text('record')}"
    expression = place.get("expr")
    return Rule(name, alert, place.line, expression)
