"""pytest's side of the toolkit: options, markers and hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.alerts import fixtures as alert_fixtures
from pytest_nadia.health import fixtures as health_fixtures
from pytest_nadia.redis import options as redis_options
from pytest_nadia.timing import fixtures as timing_fixtures

if TYPE_CHECKING:
    import pytest

_MARKERS = (
    "unit: a test of one part, with no other process and no network",
    "integration: a test of parts together, or with a real service",
    "e2e: a test of the whole program from the outside",
    "slow: a test that takes seconds",
    "redis(backend, diverges, off, max_commands, max_round_trips, lints): "
    "a test that needs a Redis",
    "health: a test of health checks and alerts",
    "constitution: a test of the guard on outgoing messages",
    "hotpath: a test of the speed of a hot path",
)

_FIXTURES = {"timing": timing_fixtures, "health": health_fixtures, "alerts": alert_fixtures}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nadia", "pytest-nadia")
    group.addoption(
        "--nadia-report",
        metavar="FILE",
        help="write a JSON record of every test to FILE, and whether the run was complete",
    )
    redis_options.add_options(parser, group)


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    report: str | None = config.option.nadia_report
    if report is not None:
        from pytest_nadia.recording import start_recording

        start_recording(config, report)
    redis_options.start(config)
    for subject, fixtures in _FIXTURES.items():
        config.pluginmanager.register(fixtures, f"nadia-{subject}")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return redis_options.report_header(config)
