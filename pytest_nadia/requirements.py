"""What parts of the toolkit need to be installed beside it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def missing_requirement(what: str, packages: Iterable[str]) -> str:
    """One line that names what `what` lacks and how to install it; empty if it has everything."""
    missing = [name for name in packages if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"{what} needs {' and '.join(missing)}, not installed here: pip install 'pytest-nadia[all]'"
    )
