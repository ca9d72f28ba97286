"""What a check finds around it, in the child in which it runs: the machine's load, the wall clock.

All of it is undone by the end of that child.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HEALTHY_MACHINE: dict[str, float] = {"cpu": 10.0, "ram": 40.0, "disk": 50.0}
_SIZE = 100 * 2**30


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a module that stands for a function that measures."""

    names: dict[str, Any]
    name: str
    function: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`machine` are percents ("cpu", "ram", "disk"; None: cannot be measured).

    `wall_step` are the seconds by which the wall clock is wrong, `address` is host and port of
    the Redis to which connections are counted, `places` are where the machine is measured.
    """

    machine: Mapping[str, float | None] = field(default_factory=lambda: dict(HEALTHY_MACHINE))
    wall_step: float = 0.0
    address: tuple[str, int] | None = None
    places: Sequence[Place] = ()


@dataclass(slots=True)
class Seen:
    """What the check looked at."""

    machine: set[str] = field(default_factory=set)
    connects: int = 0


def set_up(surroundings: Surroundings) -> Seen:
    """Make this process one with these surroundings; for a child that ends soon."""
    seen = Seen()
    stand_ins = _stand_ins(surroundings.machine, seen)
    for place in surroundings.places:
        place.names[place.name] = stand_ins[place.function]
    if surroundings.wall_step:
        _step_wall_clock(surroundings.wall_step)
    if surroundings.address is not None:
        _count_connections(surroundings.address, seen)
    return seen


def find_places() -> list[Place]:
    """Where the functions that measure are known, in all modules that are imported so far.

    `from psutil import cpu_percent` leaves a reference of its own. To be called before children
    are forked: each of them would copy the memory that it looks at.
    """
    if find_spec("psutil") is not None:
        import psutil  # noqa: F401
    functions = {id(one): name for name, one in _measuring().items()}
    return [
        Place(names, name, functions[id(value)])
        for module in list(sys.modules.values())
        for names in [getattr(module, "__dict__", {})]
        for name, value in list(names.items())
        if id(value) in functions
    ]


def _measuring() -> dict[str, Any]:
    """The functions that measure the machine, by the names that we have for them."""
    found: dict[str, Any] = {"usage": shutil.disk_usage}
    psutil = sys.modules.get("psutil")
    if psutil is not None:
        found |= {"cpu": psutil.cpu_percent, "ram": psutil.virtual_memory}
        found["disk"] = psutil.disk_usage
    return found


def _stand_ins(machine: Mapping[str, float | None], seen: Seen) -> dict[str, Callable[..., Any]]:
    """What stands in for each of them."""

    def measured(name: str) -> float:
        seen.machine.add(name)
        value = machine[name]
        if value is None:
            raise OSError(f"the {name} cannot be measured")
        return value

    found: dict[str, Callable[..., Any]] = {"usage": lambda *_: _usage(measured("disk"))}
    psutil = sys.modules.get("psutil")
    return found if psutil is None else found | _of_psutil(psutil, measured)


def _usage(percent: float) -> Any:
    used: Any = _SIZE * percent / 100
    return shutil._ntuple_diskusage(_SIZE, used, _SIZE - used)


def _of_psutil(psutil: Any, measured: Callable[[str], float]) -> dict[str, Callable[..., Any]]:
    memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
    cores = psutil.cpu_count() or 1

    def cpu(interval: float | None = None, percpu: bool = False) -> Any:
        value = measured("cpu")
        return [value] * cores if percpu else value

    def ram() -> Any:
        value = measured("ram")
        used = memory.total * value / 100
        return memory._replace(percent=value, used=used, available=memory.total - used)

    def space(path: object = "/") -> Any:
        value = measured("disk")
        used = disk.total * value / 100
        return disk._replace(percent=value, used=used, free=disk.total - used)

    return {"cpu": cpu, "ram": ram, "disk": space}


def _step_wall_clock(seconds: float) -> None:
    import time_machine

    # It ticks on, and leaves the monotonic clock alone: only what the wall says is wrong.
    time_machine.travel(time.time() + seconds, tick=True).start()


def _count_connections(address: tuple[str, int], seen: Seen) -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and tuple(arguments[1][:2]) == address:
            seen.connects += 1

    sys.addaudithook(hook)
