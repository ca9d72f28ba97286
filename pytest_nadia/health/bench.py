"""What a fault is put in with: the Redis, its faults, its data, the machine, the store."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pytest_nadia.health.fault import NeverFiredError, NotApplicableError
from pytest_nadia.health.surroundings import HEALTHY_MACHINE, Surroundings
from pytest_nadia.redis.backstage import backstage
from pytest_nadia.redis.faults import RedisFaults, UnfiredFaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from redis import Redis

    from pytest_nadia.health.fault import Target
    from pytest_nadia.health.reads import Reads
    from pytest_nadia.redis.faults import Fault
    from pytest_nadia.redis.instance import RedisServer

    Store: TypeAlias = str | Path | Callable[[str], AbstractContextManager[object] | None]


@dataclass
class Bench:
    """One row's place of work.

    `deadline` is in seconds, `size` the number of a sized fault, `surroundings` those of the
    check's process, to be changed before it starts. `watched` are the keys of which the check
    must read one, or else the fault did not fire.
    """

    server: RedisServer
    reads: Reads
    deadline: float
    store: Store | None = None
    size: float = 0
    surroundings: Surroundings = field(default_factory=Surroundings)
    watched: bytes | None = None
    measure: str = ""
    door: bool = False

    def __post_init__(self) -> None:
        self.faults = RedisFaults(self.server.front)
        self.surroundings = replace(
            self.surroundings, address=(self.server.front.host, self.server.front.port)
        )

    @contextmanager
    def data(self) -> Iterator[Redis]:
        """A client for the data, which no fault hits and no ledger counts."""
        with backstage(self.server.front) as client:
            yield client

    @contextmanager
    def redis(self, *faults: Fault) -> Iterator[None]:
        """Faults of Redis, of which one at least must hit something."""
        problems: list[str] = []
        for fault in faults:
            fault.__enter__()
        try:
            yield
        finally:
            for fault in reversed(faults):
                problems += _end(fault)
        if len(problems) == len(faults):
            raise NeverFiredError(problems[-1])

    def set_machine(self, name: str, value: float | None) -> None:
        """What the check will measure of "cpu", "ram" or "disk"; None: it cannot be measured."""
        machine: dict[str, float | None] = {**HEALTHY_MACHINE, name: value}
        self.surroundings = replace(self.surroundings, machine=machine)
        self.measure = name

    def step_wall_clock(self, seconds: float) -> None:
        """What the check takes for the time of day will be wrong by so much."""
        self.surroundings = replace(self.surroundings, wall_step=seconds)

    def seam(self, fault: str) -> AbstractContextManager[object]:
        """The user's own way to put a fault into a store. Raises `NotApplicableError`."""
        if not callable(self.store):
            raise NotApplicableError("pass store= a function that puts such faults into the store")
        given: Any = self.store(fault)
        if given is None:
            raise NotApplicableError("the function store= has no such fault")
        return given  # type: ignore[no-any-return]

    def watch(self, target: Target) -> None:
        self.watched = target.key


def _end(fault: Fault) -> list[str]:
    try:
        fault.__exit__(None, None, None)
    except UnfiredFaultError as error:
        return [str(error)]
    return []
