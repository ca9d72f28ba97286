"""The commands that the emulation adds or replaces, beside those of fakeredis.

fakeredis keeps one table for the whole process; ours is apart from it, so that importing this
package changes nothing for other users of fakeredis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fakeredis._commands import SUPPORTED_COMMANDS, Signature

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")

_COMMANDS: dict[str, Signature] = {}


def command(
    name: str, fixed: tuple[Any, ...] = (), repeat: tuple[Any, ...] = (), flags: str = ""
) -> Callable[[Function], Function]:
    """Register a method under `name`, a sub-command after a space; see fakeredis' `Signature`."""

    def register(function: Function) -> Function:
        _COMMANDS[name] = Signature(name, function.__name__, fixed, repeat, flags=flags)
        return function

    return register


def signature_of(name: str) -> Signature | None:
    """How the command `name` (lower case) is called, or None if there is no such command."""
    found = _COMMANDS.get(name) or SUPPORTED_COMMANDS.get(name)
    return found if found and "redis" in found.server_types else None


def registered_names() -> set[str]:
    return {name for name in {*SUPPORTED_COMMANDS, *_COMMANDS} if signature_of(name)}
