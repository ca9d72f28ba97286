"""What the embedded Redis needs to be installed."""

from __future__ import annotations

from importlib.util import find_spec

_PACKAGES = ("fakeredis", "redis")


def missing_requirement() -> str:
    """One line that names what is not installed and how to install it; empty if nothing is."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"the embedded Redis needs {' and '.join(missing)}, not installed here: "
        "pip install 'pytest-nadia[all]'"
    )
