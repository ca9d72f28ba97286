"""The state of the Redis behind a front, past its faults, its ledger and its limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import redis

from pytest_nadia.redis.snapshot import (
    Snapshot,
    empty_databases,
    restore_snapshot,
    take_snapshot,
)

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


class HasBackstage(Protocol):
    """A `Front`, as far as its state goes."""

    @property
    def kind(self) -> str: ...
    @property
    def backstage_path(self) -> str: ...


def snapshot_of(front: HasBackstage) -> Snapshot:
    """All that the front's clients can see. Raises `StateError`."""
    with backstage(front) as client:
        return take_snapshot(client, databases_of(front))


def restore_to(front: HasBackstage, snapshot: Snapshot) -> None:
    """Make the front's Redis hold what the snapshot does, and nothing else. See restore_snapshot.

    Raises `StateError`.
    """
    with backstage(front) as client:
        restore_snapshot(client, snapshot)


def empty(front: HasBackstage) -> None:
    """Remove all keys that the front's clients can see; faults and ledger stay."""
    with backstage(front) as client:
        empty_databases(client, databases_of(front))


def databases_of(front: HasBackstage) -> tuple[int, ...] | None:
    """Which databases are the tests' own; None if all are."""
    # A leased database of somebody's server is the one that a connection begins in.
    return (0,) if front.kind == "url" else None


@contextmanager
def backstage(front: HasBackstage) -> Iterator[redis.Redis]:
    """A client that no fault hits and no ledger counts."""
    with redis.Redis(unix_socket_path=front.backstage_path) as client:
        yield client
