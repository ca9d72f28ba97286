"""A machine that is full or busy, or whose load nobody can tell."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_nadia.health.fault import HealthFault, NotApplicableError, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.fault import Put, Targets
    from pytest_nadia.health.reads import Reads

_WORDS = {
    "cpu": "cpu|processor|load",
    "ram": "ram|memory|mem",
    "disk": "disk|space|storage",
}
_UNKNOWN = "measure|nan|unknown|cannot|unavailable|error|fail"


def _reading(measure: str) -> Targets:
    def targets(reads: Reads) -> list[Target]:
        return [Target()] if measure in reads.machine else []

    return targets


def _at_size(measure: str) -> Put:
    @contextmanager
    def put(bench: Bench, _: Target) -> Iterator[None]:
        if bench.size > 100:
            raise NotApplicableError(f"{measure} cannot be over 100 %")
        bench.set_machine(measure, bench.size)
        yield

    return put


def _at(measure: str, value: float | None) -> Put:
    @contextmanager
    def put(bench: Bench, _: Target) -> Iterator[None]:
        bench.set_machine(measure, value)
        yield

    return put


def _of(measure: str) -> tuple[HealthFault, ...]:
    words, targets = _WORDS[measure], _reading(measure)
    why_not = f"the check does not measure the {measure} with psutil"

    def fault(name: str, put: Put, says: str) -> HealthFault:
        return HealthFault(
            name=f"{measure}-{name}",
            group="system",
            put=put,
            says=says,
            targets=targets,
            why_not=why_not,
        )

    def sized(name: str, *, healthy: bool) -> HealthFault:
        return HealthFault(
            name=f"{measure}-{name}",
            group="system",
            put=_at_size(measure),
            says="" if healthy else words,
            targets=targets,
            why_not=why_not,
            healthy=healthy,
            sized=True,
            measure=measure,
            beyond=0 if healthy else 1,
        )

    return (
        sized("at-limit", healthy=True),
        sized("over-limit", healthy=False),
        fault("not-a-number", _at(measure, math.nan), f"{words}|{_UNKNOWN}"),
        fault("not-measurable", _at(measure, None), f"{words}|{_UNKNOWN}"),
    )


FAULTS: tuple[HealthFault, ...] = (*_of("cpu"), *_of("ram"), *_of("disk"))
