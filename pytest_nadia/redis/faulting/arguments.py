"""What a test may pass to a fault. What makes no sense raises ValueError with one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_nadia.redis import commands
from pytest_nadia.redis.info_fields import nearest_field, section_of, with_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

# A traceback of pytest ends where the test called.
__tracebackhide__ = True


def command_names(on: str | Sequence[str] | None) -> tuple[str, ...]:
    if on is None:
        return ()
    names = (on,) if isinstance(on, str) else tuple(on)
    if not names:
        raise ValueError("on=[] names no command: leave it out, or name one")
    return tuple(_known_name(name) for name in names)


def _known_name(name: str) -> str:
    if commands.canonical(name) is None:
        raise ValueError(unknown_command(name))
    return name.strip().upper()


def unknown_command(name: str) -> str:
    near = commands.nearest(name)
    return f"there is no command {name!r}" + (f"; the nearest is {near[0]}" if near else "")


def count(name: str, value: int, least: int) -> int:
    """A whole number that is not too small."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is a whole number from {least} up, not {value!r}")
    return value


def times_or_all(value: int | None) -> int:
    """0 stands for every time."""
    return 0 if value is None else count("times", value, 1)


def seconds(name: str, value: float) -> float:
    """A time that ends and is not nothing."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise ValueError(f"{name} is a number of seconds above 0, not {value!r}")
    return float(value)


def unless(value: int, default: int) -> int | None:
    """A value to show, or None for the default."""
    return None if value == default else value


def glob(key: str | bytes | None) -> bytes:
    if key in ("", b""):
        raise ValueError("key is a glob such as 'user:*', not empty")
    return key.encode() if isinstance(key, str) else key or b""


def info_fields(
    fields: dict[str, float | str], of_server: Callable[[], Collection[str]]
) -> dict[str, str]:
    """`of_server` gives what the server itself shows: it may be newer, or have modules."""
    if not fields:
        raise ValueError("info() needs a field: info(used_memory=201 * MB)")
    shown = {name: _info_value(name, value) for name, value in fields.items()}
    if unknown := [name for name in shown if not section_of(name)]:
        _refuse_unknown(unknown, of_server())
    return with_readable(shown)


def _refuse_unknown(names: Iterable[str], of_server: Collection[str]) -> None:
    for name in names:
        if name not in of_server:
            near = nearest_field(name, of_server)
            hint = f"the nearest is {near}" if near else "INFO of the server lists what there is"
            raise ValueError(f"no section of INFO has a field {name!r}; {hint}")


def _info_value(name: str, value: float | str) -> str:
    shown = str(int(value)) if isinstance(value, bool) else str(value)
    if not isinstance(value, int | float | str) or "\r" in shown or "\n" in shown:
        raise ValueError(f"INFO shows numbers and lines of text: {name} cannot be {value!r}")
    return shown


def as_written(method: str, *positional: object, **named: object) -> str:
    """The call as the test wrote it; what is left at its default is given as None."""
    shown = [repr(value) for value in positional]
    shown += [f"{name}={value!r}" for name, value in named.items() if value is not None]
    return f"{method}({', '.join(shown)})"
