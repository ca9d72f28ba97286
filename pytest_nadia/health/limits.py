"""`[tool.nadia.health.limits]`: from which number on something is not healthy any more."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Percents, as most checks have them.
DEFAULTS: dict[str, float] = {"cpu": 80, "ram": 85, "disk": 90}


def limit_of(limits: Mapping[str, float], name: str) -> float | None:
    """The limit of a key or a measure: its own, that of the first glob, or the usual one."""
    if name in limits:
        return limits[name]
    for pattern, limit in limits.items():
        if fnmatchcase(name, pattern):
            return limit
    return DEFAULTS.get(name)


def refuse_wrong_limits(limits: Mapping[str, float]) -> None:
    """Raises ValueError for a limit that is no number from 0 up."""
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise ValueError(f"the limit of {name!r} is a number from 0 up, not {value!r}")


def read_limits(root: Path) -> dict[str, float]:
    """`[tool.nadia.health.limits]` of the `pyproject.toml` in a folder, or {}.

    Raises ValueError if the file or the table cannot be used.
    """
    path = root / "pyproject.toml"
    try:
        found: Any = tomllib.loads(path.read_bytes().decode())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    for key in ("tool", "nadia", "health", "limits"):
        found = found.get(key, {}) if isinstance(found, dict) else {}
    if not isinstance(found, dict):
        raise ValueError(f"{path}: tool.nadia.health.limits is a table of numbers")
    refuse_wrong_limits(found)
    return found
