"""The front's time: the machine's, moved by what `advance` added."""

from __future__ import annotations

import time

_monotonic, _wall = time.monotonic, time.time


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds that only ever grow."""
        return _monotonic() + self._ahead

    def wall(self) -> float:
        """Seconds since the epoch."""
        return _wall() + self._ahead

    def jump(self, seconds: float) -> None:
        self._ahead += seconds

    def rewind(self) -> float:
        """Be the machine's time again; gives how far ahead it was."""
        ahead, self._ahead = self._ahead, 0.0
        return ahead

    def rule_this_process(self) -> None:
        """Let everybody here who asks for the time of day get this clock's."""
        time.time = self.wall
