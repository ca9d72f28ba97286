"""Queues that grow, wait, or are not worked off."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_nadia.health.fault import HealthFault, NotApplicableError, Target
from pytest_nadia.health.items import older, read_items, resized, write_items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.reads import Reads

_HOURS = 3600.0
_OLD = 3 * _HOURS
_STUCK = 24 * _HOURS
_WAITING = 3
_NO_QUEUE = "the check asks for the length of no key"
_SIZE = "queue|length|size|items|messages|backlog|over|limit|pending"
_AGE = "old|age|stuck|stale|wait|since|oldest|consum|hour|h ago|delay|behind"


def _queues(reads: Reads) -> list[Target]:
    return reads.queues


@contextmanager
def _sized(bench: Bench, target: Target) -> Iterator[None]:
    bench.watch(target)
    with bench.data() as data:
        items = read_items(data, target.key, target.kind)
        write_items(data, target.key, target.kind, resized(items, target.kind, int(bench.size)))
    yield


@contextmanager
def _old(bench: Bench, target: Target) -> Iterator[None]:
    """The few items that are there came three hours ago."""
    bench.watch(target)
    with bench.data() as data:
        items = read_items(data, target.key, target.kind)
        aged = older(items, target.kind, _OLD)
        if aged is None:
            raise NotApplicableError(_no_time(items))
        write_items(data, target.key, target.kind, aged)
    yield


@contextmanager
def _stuck(bench: Bench, target: Target) -> Iterator[None]:
    """New items come in behind one that nobody has taken for a day."""
    bench.watch(target)
    with bench.data() as data:
        items = read_items(data, target.key, target.kind)
        aged = older(items[:1], target.kind, _STUCK)
        if aged is None:
            raise NotApplicableError(_no_time(items))
        fresh = resized(items, target.kind, max(_WAITING, len(items)))[1:]
        write_items(data, target.key, target.kind, aged + fresh)
    yield


def _no_time(items: list[tuple[bytes, bytes, float]]) -> str:
    if not items:
        return "it is empty in the healthy run: let healthy= put an item in"
    return "its items carry no time"


def _fault(name: str, says: str, **options: object) -> HealthFault:
    return HealthFault(
        name=f"queue-{name}",
        group="queues",
        says=says,
        targets=_queues,
        why_not=_NO_QUEUE,
        **options,  # type: ignore[arg-type]
    )


FAULTS: tuple[HealthFault, ...] = (
    _fault("at-limit", "", put=_sized, healthy=True, sized=True, beyond=0),
    _fault("over-limit", _SIZE, put=_sized, sized=True),
    _fault("old-items", _AGE, put=_old),
    _fault("stuck-consumer", _AGE, put=_stuck),
)
