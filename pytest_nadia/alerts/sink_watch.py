"""Sees the connections that are refused, which the refusing side cannot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_nadia.alerts.sink_listener import HOST

if TYPE_CHECKING:
    from collections.abc import Callable


class ConnectionWatch:
    """Counts what this process's Python code tries to connect to; a refusal is seen nowhere else.

    Audit hooks cannot be removed, so there is one for all, which knows what is watched.
    """

    def __init__(self) -> None:
        self._watched: dict[tuple[str, int], Callable[[], None]] = {}
        self._is_hooked = False

    def start(self, address: tuple[str, int], call: Callable[[], None]) -> None:
        self._watched[address] = call
        if not self._is_hooked:
            self._is_hooked = True
            sys.addaudithook(self._audit)

    def stop(self, address: tuple[str, int]) -> None:
        self._watched.pop(address, None)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not self._watched:
            return
        address = arguments[1]
        if isinstance(address, tuple) and len(address) >= 2:
            host = HOST if address[0] == "localhost" else address[0]
            if call := self._watched.get((host, address[1])):
                call()


WATCH = ConnectionWatch()
