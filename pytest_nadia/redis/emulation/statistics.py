"""What a server counts: commands, errors, connections, and how many commands it runs a second."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """How often one command ran, in which time, and how often it did not or failed."""

    calls: int = 0
    seconds: float = 0.0
    rejected: int = 0
    failed: int = 0

    def clear(self) -> None:
        self.calls = self.rejected = self.failed = 0
        self.seconds = 0.0


@dataclass(slots=True)
class Statistics:
    """The counters that CONFIG RESETSTAT sets back."""

    commands: dict[str, Tally] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    error_replies: int = 0
    connections: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    evicted_keys: int = 0
    expired_keys: int = 0
    hits: int = 0
    misses: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=16))

    def tally(self, name: str) -> Tally:
        return self.commands.setdefault(name, Tally())

    def count_error(self, text: str) -> None:
        self.error_replies += 1
        self.errors[text.partition(" ")[0]] += 1

    def processed(self) -> int:
        return sum(tally.calls for tally in self.commands.values())

    def per_second(self, now: float) -> int:
        """Commands a second, since the oldest of the last 16 times that somebody asked."""
        total = self.processed()
        self._samples.append((now, total))
        then, before = self._samples[0]
        return round((total - before) / (now - then)) if now - then > 0.05 else 0

    def clear(self) -> None:
        # The tallies stay: who runs a command holds on to its own.
        for tally in self.commands.values():
            tally.clear()
        self.errors.clear()
        self._samples.clear()
        self.error_replies = self.connections = self.input_bytes = self.output_bytes = 0
        self.evicted_keys = self.expired_keys = self.hits = self.misses = 0
