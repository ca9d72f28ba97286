"""Options for a client of redis-py: it tells of a misspelt one only when it connects."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


def check_options(pool: Any, options: Iterable[str]) -> None:
    """Raises TypeError for an option that the pool would hand to a connection that has none."""
    known = _parameters(pool.connection_class)
    for name in options:
        if name in pool.connection_kwargs and name not in known:
            raise TypeError(f"Redis.from_url has no option {name!r}{_nearest(name, known)}")


def _parameters(connection_class: type) -> set[str]:
    """What it takes; each class hands on what it does not know itself."""
    own = (vars(each).get("__init__") for each in connection_class.__mro__[:-1])
    return {name for each in own if each for name in inspect.signature(each).parameters}


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
