"""What a test requests to put faults under a health check, or to rehearse a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from _pytest.terminal import TerminalReporter

    from pytest_nadia.health.deploy import Rehearsal
    from pytest_nadia.health.matrix import HealthMatrix
    from pytest_nadia.health.summary import Told
    from pytest_nadia.redis.session.turn import Turn

ATTRIBUTE = "nadia_health"
TOLD: pytest.StashKey[list[Told]] = pytest.StashKey()


@pytest.fixture
def health_matrix(_nadia_redis: Turn, request: pytest.FixtureRequest) -> Iterator[HealthMatrix]:
    """`health_matrix.run(check)`: which faults does a health check notice?"""
    from pytest_nadia.health.limits import read_limits
    from pytest_nadia.health.matrix import HealthMatrix
    from pytest_nadia.health.summary import tell

    # The faults leave behind what lints look for.
    _nadia_redis.is_experiment = True
    # The Redis is empty from here on: the matrix reads its ledger.
    _ = _nadia_redis.mark
    matrix = HealthMatrix(_nadia_redis.server, read_limits(request.config.rootpath))
    yield matrix
    tell(request.node, matrix.results)


@pytest.fixture
def rehearse_deploy(tmp_path: Path) -> Rehearsal:
    """`rehearse_deploy(deploy, rollback, health)`: is what is not healthy rolled back, once?"""
    from pytest_nadia.health.deploy import Rehearsal

    return Rehearsal(tmp_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if TOLD in item.stash:
        setattr(report, ATTRIBUTE, item.stash[TOLD])
        del item.stash[TOLD]
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    every = (report for reports in terminalreporter.stats.values() for report in reports)
    telling = [report for report in every if hasattr(report, ATTRIBUTE)]
    if telling:
        from pytest_nadia.health.summary import show

        show(terminalreporter, telling)
