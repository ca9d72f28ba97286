"""A wall clock that is wrong."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pytest_nadia.health.fault import HealthFault, NotApplicableError, Target, once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.fault import Put
    from pytest_nadia.health.reads import Reads

_HOUR = 3600.0
_SECOND = 1.0
_A_COMMAND = "a command has a clock of its own"


def _in_process(reads: Reads) -> list[Target]:
    return [] if reads.is_command else once(reads)


def _asking_redis(reads: Reads) -> list[Target]:
    return once(reads) if not reads.is_command and reads.sends("TIME".__eq__) else []


def _wrong_by(seconds: float) -> Put:
    @contextmanager
    def put(bench: Bench, _: Target) -> Iterator[None]:
        if find_spec("time_machine") is None:
            raise NotApplicableError("pip install 'pytest-nadia[all]'")
        bench.step_wall_clock(seconds)
        yield

    return put


FAULTS: tuple[HealthFault, ...] = (
    HealthFault(
        name="clock-stepped-back",
        group="clock",
        put=_wrong_by(-_SECOND),
        says="",
        targets=_in_process,
        why_not=_A_COMMAND,
        healthy=True,
    ),
    HealthFault(
        name="clock-skewed",
        group="clock",
        put=_wrong_by(_HOUR),
        says="clock|skew|time|drift|ahead",
        targets=_asking_redis,
        why_not="the check does not ask Redis for its TIME",
    ),
)
