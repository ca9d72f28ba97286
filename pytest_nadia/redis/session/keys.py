"""Where the state of a test is kept: in its item's stash, never in a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_nadia.redis.session.choice import Choice
    from pytest_nadia.redis.session.manager import Backends
    from pytest_nadia.redis.session.marker import Marker
    from pytest_nadia.redis.session.summary import Summary
    from pytest_nadia.redis.session.told import Told
    from pytest_nadia.redis.session.turn import Turn
    from pytest_nadia.redis.wire import CommandRecord

TURN: pytest.StashKey[Turn] = pytest.StashKey()
MARKER: pytest.StashKey[Marker] = pytest.StashKey()
TOLD: pytest.StashKey[Told] = pytest.StashKey()
# A phase of the test did not pass, so what it left behind says little.
FAILED: pytest.StashKey[bool] = pytest.StashKey()
# Set while a test runs for the first or the second time: the Redis of this time, and what it got.
SIDE: pytest.StashKey[Choice] = pytest.StashKey()
RECORDS: pytest.StashKey[list[CommandRecord]] = pytest.StashKey()
# In the configuration's stash.
BACKENDS: pytest.StashKey[Backends] = pytest.StashKey()
SUMMARY: pytest.StashKey[Summary] = pytest.StashKey()
# A Redis was found dead, and no test has been told yet.
DIED: pytest.StashKey[str] = pytest.StashKey()


def drop(owner: pytest.Item | pytest.Config, *keys: pytest.StashKey[Any]) -> None:
    for key in keys:
        if key in owner.stash:
            del owner.stash[key]
