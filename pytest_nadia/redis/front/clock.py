"""The front's time: the machine's, moved by what `advance` added, or held still."""

from __future__ import annotations

import time

_monotonic, _wall = time.monotonic, time.time


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0
        self._still: float | None = None
        self._wall_ahead = 0.0

    def now(self) -> float:
        """Seconds that only ever grow."""
        return _monotonic() + self._ahead if self._still is None else self._still

    def wall(self) -> float:
        """Seconds since the epoch."""
        return _wall() + self._ahead if self._still is None else self._still + self._wall_ahead

    @property
    def is_held(self) -> bool:
        return self._still is not None

    def hold(self, wall: float) -> None:
        """Stand still but for `jump`, at this time of day."""
        self._still = self.now()
        self._wall_ahead = wall - self._still

    def jump(self, seconds: float) -> None:
        if self._still is None:
            self._ahead += seconds
        else:
            self._still += seconds

    def rewind(self) -> float:
        """Be the machine's time again; gives how far ahead of it this was."""
        ahead = self.now() - _monotonic() if self.is_held else self._ahead
        self._ahead, self._still = 0.0, None
        return ahead

    def rule_this_process(self) -> None:
        """Let everybody here who asks for the time of day get this clock's."""
        time.time = self.wall
