from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from companion.alerts import Outcome
from companion.exporter import Exporter
from companion.report import Component, Report

pytestmark = pytest.mark.unit

MONITORING = Path(__file__).parents[2] / "monitoring"


def value(exporter: Exporter, name: str, **labels: str) -> float | None:
    return exporter.registry.get_sample_value(name, labels)


def test_what_was_seen_is_exported() -> None:
    exporter = Exporter()
    components = (
        Component("memory", "ok", "1.5 MB", 1.5),
        Component("review", "warning", "51 answers", 51.0),
        Component("redis", "critical", "gone"),
    )
    exporter.checked("health", Report(components), 0.25)
    assert value(exporter, "companion_redis_memory_bytes") == 1.5 * 2**20
    assert value(exporter, "companion_review_answers") == 51
    assert value(exporter, "companion_check_healthy", check="health") == 0
    assert value(exporter, "companion_check_duration_seconds", check="health") == 0.25
    for name, status in (("memory", 0), ("review", 1), ("redis", 2)):
        found = value(exporter, "companion_component_status", check="health", component=name)
        assert found == status


def test_what_cannot_be_measured_any_more_is_no_number() -> None:
    exporter = Exporter()
    for component in (Component("cpu", "ok", "", 1.0), Component("cpu", "critical", "?")):
        exporter.checked("health", Report((component,)), 0.1)
    assert math.isnan(value(exporter, "companion_cpu_percent") or 0)


def test_alerts_are_counted() -> None:
    exporter = Exporter()
    for delivered in (True, False, False):
        exporter.alerted(Outcome(delivered))
    assert value(exporter, "companion_alerts_total", outcome="delivered") == 1
    assert value(exporter, "companion_alerts_total", outcome="held_back") == 2


@pytest.mark.parametrize("name", ["rules.yml", "rules_test.yml", "dashboard.json"])
def test_every_metric_that_is_named_is_exported(name: str) -> None:
    exporter = Exporter()
    exporter.checked("health", Report((Component("cpu", "ok", "", 1.0),)), 0.1)
    exported = {sample.name for one in exporter.registry.collect() for sample in one.samples}
    named = set(re.findall(r"\bcompanion_\w+", (MONITORING / name).read_text()))
    assert named
    assert named <= exported
