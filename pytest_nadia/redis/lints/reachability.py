"""Whether something that outlives a test still holds an object."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import selectors
import sys
import threading
import time
from types import FrameType, ModuleType

_MOST_STEPS = 40
_MOST_OBJECTS = 50_000
_MOST_SECONDS = 2.0

# Who waits for a socket holds it without wanting to keep it.
_WAITERS = (
    asyncio.AbstractEventLoop,
    asyncio.Handle,
    selectors.BaseSelector,
    selectors.SelectorKey,
)


def is_reachable(start: object) -> bool:
    """Whether a module, a class, a wider fixture or another thread leads to an object.

    It walks from the object up to those that refer to it. Where that takes too long, or ends at
    the traceback of a failure, the answer is yes: what is not certain must not be reported.
    """
    deadline = time.monotonic() + _MOST_SECONDS
    held = _held_by_other_threads()
    seen = {id(start)}
    layer = [start]
    for _ in range(_MOST_STEPS):
        if not layer:
            return False
        if len(seen) > _MOST_OBJECTS or time.monotonic() > deadline:
            return True
        if any(map(_keeps, layer)) or not held.isdisjoint(map(id, layer)):
            return True
        layer = _referrers(layer, seen)
    return True


def _referrers(layer: list[object], seen: set[int]) -> list[object]:
    """What refers to the objects of a layer, as far as it was not seen yet."""
    seen.add(id(layer))
    found = gc.get_referrers(*[one for one in layer if not _leads_nowhere(one)])
    fresh = []
    for one in found:
        if id(one) not in seen:
            seen.add(id(one))
            fresh.append(one)
    return fresh


def _keeps(one: object) -> bool:
    if _is(one, (type, ModuleType, FrameType, contextvars.Context)):
        return True
    if type(one) is dict:
        return "__name__" in one and "__builtins__" in one
    return _is_of_the_whole_run(one)


def _is_of_the_whole_run(one: object) -> bool:
    """pytest's own objects, but for those that belong to a single test."""
    if not type(one).__module__.startswith("_pytest."):
        return False
    # Every fixture that is not torn down yet belongs to a collector, in the end to the session.
    return type(one).__name__ in ("Config", "PytestPluginManager") or _is_collector(one)


def _is_collector(one: object) -> bool:
    from _pytest.nodes import Collector

    return _is(one, (Collector,))


def _leads_nowhere(one: object) -> bool:
    return _is(one, _WAITERS) or _is_test(one)


def _is_test(one: object) -> bool:
    nodes = sys.modules.get("_pytest.nodes")
    return nodes is not None and _is(one, (nodes.Item,))


def _is(one: object, types: tuple[type, ...]) -> bool:
    """Not isinstance: it asks the object, and a lazy one would begin to work."""
    return issubclass(type(one), types)


def _held_by_other_threads() -> set[int]:
    """What running functions of other threads have in their variables, which no object shows."""
    held: set[int] = set()
    frames = sys._current_frames()
    # A variable that holds its own function's frame would keep the frame, and all it holds.
    del frames[threading.get_ident()]
    for top in frames.values():
        frame: FrameType | None = top
        while frame is not None:
            held.update(map(id, frame.f_locals.values()))
            frame = frame.f_back
    return held
