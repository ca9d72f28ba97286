"""The catalogue of faults, in the order in which they are shown. Nothing is added at run time."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_nadia.health.fault import HealthFault
from pytest_nadia.health.faults import clocks, data, queues, redis, store, system

if TYPE_CHECKING:
    from collections.abc import Iterable

CATALOGUE: tuple[HealthFault, ...] = (
    *redis.FAULTS,
    *queues.FAULTS,
    *data.FAULTS,
    *system.FAULTS,
    *store.FAULTS,
    *store.RECOVERY,
    *clocks.FAULTS,
)


def choose(
    wanted: Iterable[str | HealthFault] | None, own: Iterable[HealthFault] = ()
) -> list[HealthFault]:
    """Those that are named, by name, glob or group, and those that are given; without, all.

    Raises ValueError for a name that no fault has, or for two faults of one name.
    """
    known = [*CATALOGUE, *own]
    chosen = known if wanted is None else _named([*wanted], known)
    names = [fault.name for fault in chosen]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two faults are called {name!r}: give one of them another name")
    return chosen


def _named(wanted: list[str | HealthFault], known: list[HealthFault]) -> list[HealthFault]:
    chosen: dict[int, HealthFault] = {}
    for one in wanted:
        found = [one] if isinstance(one, HealthFault) else _matching(one, known)
        chosen |= {id(fault): fault for fault in found}
    if not chosen:
        raise ValueError("faults=[] names no fault: leave it out, or name one")
    return list(chosen.values())


def _matching(name: str, known: list[HealthFault]) -> list[HealthFault]:
    found = [fault for fault in known if name == fault.group or fnmatchcase(fault.name, name)]
    if not found:
        groups = ", ".join(dict.fromkeys(fault.group for fault in known))
        raise ValueError(f"there is no fault {name!r}: name one, a glob, or a group ({groups})")
    return found
