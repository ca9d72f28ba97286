"""Where all sinks put what they receive, in the order in which it came."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field


class SinkError(Exception):
    """The sinks cannot do what they are asked; one line."""


class AlertSinkError(AssertionError):
    """Something came that should not, or did not come that should."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message that arrived.

    `at` is `time.time()` at its arrival, in seconds: virtual under the virtual clock. `text` is
    what a reader sees, without escapes. `raw` are the bytes as they came, and `payload` what they
    mean: an object of JSON, an `email.message.EmailMessage`, or the command's list of arguments.
    `problems` are lines that say what is wrong with it. `status` is the answer: of HTTP, of SMTP,
    an exit code, or None where none was given. `delivered`: the sink took it, so that people were
    told, also if the sender never got to know (`drop`, `hang`). `recipients` are those to whom a
    mail goes, of whom its headers need not tell.
    """

    channel: str
    at: float
    text: str
    raw: bytes
    payload: object
    problems: tuple[str, ...]
    status: int | None
    delivered: bool
    recipients: tuple[str, ...] = ()
    expected: bool = field(default=True, repr=False)


class Inbox:
    def __init__(self) -> None:
        self._received: list[Received] = []
        # Reentrant, and on the real clock: `threading` keeps the function of its own import.
        self._arrived = threading.Condition()

    def add(self, received: Received) -> None:
        with self._arrived:
            self._received.append(received)
            self._arrived.notify_all()

    def all(self, channel: str = "") -> list[Received]:
        with self._arrived:
            return [one for one in self._received if channel in ("", one.channel)]

    def wait_for(self, number: int, timeout: float, channel: str = "") -> list[Received]:
        """Raises AlertSinkError unless so many are there in `timeout` real seconds."""

        def enough() -> bool:
            return len(self.all(channel)) >= number

        with self._arrived:
            if not self._arrived.wait_for(enough, timeout):
                raise AlertSinkError(self._too_few(number, timeout, channel))
        return self.all(channel)

    def _too_few(self, number: int, timeout: float, channel: str) -> str:
        counts = Counter(one.channel for one in self.all())
        came = ", ".join(f"{count} by {name}" for name, count in counts.items()) or "nothing"
        wanted = f"{number} by {channel}" if channel else f"{number} in all"
        return f"alert_sinks waited {timeout:g} seconds for {wanted}, and got {came}"


def now() -> float:
    """The moment of an arrival: asked of the module, so that a virtual clock counts."""
    return time.time()
