"""The metrics that monitoring/ names, served for Prometheus."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from companion.errors import MetricsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from companion.alerts import Outcome
    from companion.report import Report

_STATUS = {"ok": 0, "warning": 1, "critical": 2}
_MB = 2**20


class Exporter:
    """An Observer of the daemon that keeps what it saw last in `registry`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._healthy = Gauge(
            "companion_check_healthy", "1 if the last run was", ["check"], registry=registry
        )
        self._last_run = Gauge(
            "companion_check_last_run_timestamp_seconds",
            "When the check ran last",
            ["check"],
            registry=registry,
        )
        self._seconds = Gauge(
            "companion_check_duration_seconds",
            "How long its last run took",
            ["check"],
            registry=registry,
        )
        self._status = Gauge(
            "companion_component_status",
            "0 ok, 1 warning, 2 critical",
            ["check", "component"],
            registry=registry,
        )
        self._alerts = Counter(
            "companion_alerts_total",
            "Alerts by what became of them",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("delivered", "held_back"):
            self._alerts.labels(outcome)
        self._values = _values(registry)

    def checked(self, name: str, report: Report, seconds: float) -> None:
        self._healthy.labels(name).set(report.healthy)
        self._last_run.labels(name).set(time.time())
        self._seconds.labels(name).set(seconds)
        for one in report.components:
            self._status.labels(name, one.name).set(_STATUS[one.status])
            gauge, factor = self._values.get(one.name, (None, 1.0))
            if gauge is not None:
                # An old value would look as if it were measured still.
                gauge.set(float("nan") if one.value is None else one.value * factor)

    def alerted(self, outcome: Outcome) -> None:
        self._alerts.labels("delivered" if outcome.delivered else "held_back").inc()


def _values(registry: CollectorRegistry) -> dict[str, tuple[Gauge, float]]:
    """By the name of the component, each with the factor that makes its unit the metric's."""
    return {
        "memory": (Gauge("companion_redis_memory_bytes", "Used by Redis", registry=registry), _MB),
        "evictions": (
            Gauge("companion_redis_evicted_keys", "Thrown away by Redis", registry=registry),
            1,
        ),
        "write-ahead": (
            Gauge("companion_write_ahead_messages", "Not yet in review", registry=registry),
            1,
        ),
        "work": (Gauge("companion_work_turns", "Waiting for the bot", registry=registry), 1),
        "review": (
            Gauge("companion_review_answers", "Waiting for a person", registry=registry),
            1,
        ),
        "cpu": (Gauge("companion_cpu_percent", "Load of this machine", registry=registry), 1),
        "ram": (Gauge("companion_ram_percent", "Memory in use", registry=registry), 1),
        "disk": (Gauge("companion_disk_percent", "Disk in use", registry=registry), 1),
        "errors": (
            Gauge("companion_error_percent", "Messages with errors", registry=registry),
            1,
        ),
        "cursors": (
            Gauge("companion_stale_cursors", "Not looked at for a day", registry=registry),
            1,
        ),
    }


@contextmanager
def serving(exporter: Exporter, host: str, port: int) -> Iterator[None]:
    """Serve its metrics meanwhile. Raises MetricsError."""
    try:
        server, thread = start_http_server(port, host, exporter.registry)
    except OSError as error:
        raise MetricsError(
            f"the metrics cannot be served at {host}:{port} ({error.strerror}): "
            "name another place with COMPANION_METRICS_HOST and COMPANION_METRICS_PORT"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(1)
