"""What a test of alerts requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.session.keys import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_nadia.alerts.sinks import AlertSinks


@pytest.fixture
def alert_sink_ports() -> Mapping[str, int]:
    """Fixed ports for channels that need them, such as {"smtp": 2525}: override it."""
    return {}


@pytest.fixture
def alert_sinks(
    request: pytest.FixtureRequest, alert_sink_ports: Mapping[str, int]
) -> Iterator[AlertSinks]:
    """Endpoints on loopback that receive what an alert manager sends: Slack, Discord, and so on.

    A bad message that the test did not expect makes it fail, and so does a demand that nothing met.
    """
    from pytest_nadia.alerts.sinks import AlertSinkError, SinkError, alert_sinks

    problem = ""
    try:
        with alert_sinks(alert_sink_ports) as sinks:
            if "virtual_clock" in request.fixturenames:
                request.getfixturevalue("virtual_clock").follow(sinks.time)
            yield sinks
    except SinkError as error:
        problem = str(error)
    except AlertSinkError as error:
        # A test that failed did not get to what it meant to do.
        problem = "" if FAILED in request.node.stash else str(error)
    if problem:
        pytest.fail(problem, pytrace=False)
