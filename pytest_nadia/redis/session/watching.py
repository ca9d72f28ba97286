"""The connections that this process opens are watched once a test may need it, to the end."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_nadia.redis.connections import Connections

_WATCHED: pytest.StashKey[Connections] = pytest.StashKey()


def watch(config: pytest.Config) -> Connections:
    """What is seen; begins to look if nobody did."""
    if _WATCHED not in config.stash:
        from pytest_nadia.redis.connections import watch_connections

        watching = ExitStack()
        config.stash[_WATCHED] = watching.enter_context(watch_connections())
        config.add_cleanup(watching.close)
    return config.stash[_WATCHED]


def watched(config: pytest.Config) -> Connections | None:
    """What is seen, if anybody looks."""
    return config.stash.get(_WATCHED, None)
