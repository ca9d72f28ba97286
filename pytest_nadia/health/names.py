"""Objects by name: `package.module:Name.method`."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType


class NameProblemError(Exception):
    """A name leads to nothing; one line with the chain of imports and what is missing."""


def load_object(name: str) -> Any:
    """The object; a method of a class is given of a new object of it.

    Raises:
        NameProblemError: the module cannot be imported, or does not have the name.
    """
    place, colon, path = name.partition(":")
    if not (colon and place and path):
        raise NameProblemError(f"{name!r} names no object: write package.module:name")
    found: Any = _import(place)
    for step in path.split("."):
        found = _step(found, step, name)
    return found


def _step(owner: Any, step: str, name: str) -> Any:
    if not hasattr(owner, step):
        raise NameProblemError(f"{name}: {_called(owner)} has no {step!r}")
    found = inspect.getattr_static(owner, step) if isinstance(owner, type) else None
    if inspect.isfunction(found):
        return getattr(_new(owner, name), step)
    return getattr(owner, step)


def _new(owner: Any, name: str) -> Any:
    try:
        return owner()
    except TypeError as error:
        raise NameProblemError(
            f"{name}: {owner.__name__} cannot be made without arguments ({error}): name a "
            "function that makes it and calls the method"
        ) from None


def _called(owner: Any) -> str:
    return str(getattr(owner, "__name__", type(owner).__name__))


def _import(place: str) -> Any:
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        chain = _chain(error.__traceback__, place)
        missing = error.name or str(error)
        if not chain[1:] and missing in (place, place.partition(".")[0]):
            raise NameProblemError(f"there is no module {missing}") from None
        raise NameProblemError(f"{' → '.join([*chain, missing])} is not installed") from None
    except Exception as error:
        chain = _chain(error.__traceback__, place)
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise NameProblemError(f"{' → '.join(chain)} cannot be imported: {said}") from None


def _chain(trace: TracebackType | None, place: str) -> list[str]:
    """The modules that were being imported, the first to the last."""
    found: list[str] = []
    while trace is not None:
        frame = trace.tb_frame
        module = str(frame.f_globals.get("__name__", ""))
        if frame.f_code.co_name == "<module>" and module not in found:
            found.append(module)
        trace = trace.tb_next
    return found if place in found else [place, *found]
