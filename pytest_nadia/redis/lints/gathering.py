"""Collects what the lints look at and only the process of the test, or its Redis, can tell."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from pytest_nadia.redis import commands
from pytest_nadia.redis.call_stack import own_code
from pytest_nadia.redis.lints.evidence import KeyLeft, Place, SeenConnection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from redis import Redis

    from pytest_nadia.redis.connections import Connections, OpenedConnection
    from pytest_nadia.redis.wire import CommandRecord

_SCAN_COUNT = 1000


def seen_connections(connections: Connections) -> tuple[SeenConnection, ...]:
    """The connections to the test's Redis, as they stand now.

    Collects garbage where one is open: a synchronous client may leave its closing to that.
    """
    opened = connections.opened()
    if any(one.state == "open" for one in opened):
        gc.collect()
    return tuple(_seen(one) for one in opened)


def _seen(one: OpenedConnection) -> SeenConnection:
    # It imports asyncio, which the tests of a synchronous project do without.
    from pytest_nadia.redis.lints.reachability import is_reachable

    state = one.state
    place = own_code(one.stack)
    return SeenConnection(
        address=one.address,
        state=state,
        reachable=state == "open" and is_reachable(one.socket),
        place=Place(place.file, place.line) if place else None,
    )


def written_databases(records: Iterable[CommandRecord]) -> list[int]:
    """The databases in which a test may have left keys."""
    return sorted({one.database for one in records if commands.may_write(one.name)})


def keys_without_expiry(client: Redis, database: int, globs: Sequence[str]) -> tuple[KeyLeft, ...]:
    """The keys of `client`'s database that a glob matches and that never expire."""
    found = {key: glob for glob in globs for key in _without_expiry(client, glob)}
    return tuple(
        KeyLeft(key=key, database=database, glob=glob) for key, glob in sorted(found.items())
    )


def _without_expiry(client: Redis, glob: str) -> Iterator[bytes]:
    keys: list[Any] = list(client.scan_iter(match=glob, count=_SCAN_COUNT))
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.ttl(key)
    for key, seconds in zip(keys, pipeline.execute(), strict=True):
        if seconds == -1:
            yield key
