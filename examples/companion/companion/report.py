"""What a check found, and how its probes are run so that it never takes longer than it may."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from companion.constants import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = Literal["ok", "warning", "critical"]


class Found(NamedTuple):
    """What one probe found; `message` holds the value and its limit, or what is wrong."""

    status: Status
    message: str
    value: float | None = None


Probe = Callable[[], Awaitable[Found]]


@dataclass(frozen=True)
class Component:
    """One probe's result under its name."""

    name: str
    status: Status
    message: str
    value: float | None = None


@dataclass(frozen=True)
class Report:
    """All components in a fixed order."""

    components: tuple[Component, ...]

    @property
    def healthy(self) -> bool:
        return all(one.status == "ok" for one in self.components)

    @property
    def critical(self) -> bool:
        return any(one.status == "critical" for one in self.components)

    def lines(self) -> list[str]:
        """One line a component."""
        return [f"{one.status:<8}  {one.name:<13}  {one.message}" for one in self.components]


async def run_probes(probes: Mapping[str, Probe], seconds: float) -> Report:
    """Run all side by side, none longer than `seconds`. Raises nothing but cancellation."""
    tasks = {
        name: asyncio.create_task(_run(name, probe, seconds)) for name, probe in probes.items()
    }
    try:
        # One that will not let itself be cancelled is not waited for.
        done, _ = await asyncio.wait(tasks.values(), timeout=seconds + GRACE_SECONDS)
    finally:
        for task in tasks.values():
            task.cancel()
    late = (
        _late(name, seconds) if task not in done else task.result() for name, task in tasks.items()
    )
    return Report(tuple(late))


def limited(value: float, limit: float, unit: str, status: Status) -> Found:
    """`status` for a value above its limit; critical for one that is no amount at all."""
    message = f"{value:g} {unit} (limit {limit:g})"
    if not (math.isfinite(value) and value >= 0):
        return Found("critical", message)
    return Found(status if value > limit else "ok", message, value)


async def _run(name: str, probe: Probe, seconds: float) -> Component:
    try:
        async with asyncio.timeout(seconds):
            found = await probe()
    except TimeoutError:
        return _late(name, seconds)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Component(name, "critical", f"cannot be measured: {reason}")
    return Component(name, *found)


def _late(name: str, seconds: float) -> Component:
    return Component(name, "critical", f"no answer within {seconds:g} s")
