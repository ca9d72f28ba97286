"""Endpoints on loopback that receive what an alert manager sends."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.alerts.sink_demands import Demand, UnmetDemandError
from pytest_nadia.alerts.sink_inbox import AlertSinkError, Inbox, Received, SinkError
from pytest_nadia.alerts.sink_texts import hostile_texts
from pytest_nadia.alerts.sink_time import SinkTime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeVar

    from pytest_nadia.alerts.sink_base import Sink

    S = TypeVar("S", bound=Sink)

__all__ = [
    "AlertSinkError",
    "AlertSinks",
    "Demand",
    "Received",
    "SinkError",
    "UnmetDemandError",
    "alert_sinks",
]

_CHANNELS = ("slack", "discord", "webhook", "smtp", "command")
_PACKAGES = ("aiosmtpd", "jsonschema")


class AlertSinks:
    """What `alert_sinks` gives: one endpoint a channel, and what came to all of them.

    `slack`, `discord` and `webhook` have a `url`, `smtp` has `host` and `port`, `command` has
    `path` and `argv`.
    """

    def __init__(self, folder: Path, ports: Mapping[str, int], stack: ExitStack) -> None:
        """Raises SinkError if a port cannot be had; `stack` closes what was opened."""
        from pytest_nadia.alerts.payloads.discord import Discord
        from pytest_nadia.alerts.payloads.slack import Slack
        from pytest_nadia.alerts.payloads.webhook import Webhook
        from pytest_nadia.alerts.sink_command import CommandSink
        from pytest_nadia.alerts.sink_http import HttpSink, WebhookSink
        from pytest_nadia.alerts.sink_smtp import SmtpSink

        self._stack = stack
        self._inbox, self._time = Inbox(), SinkTime()
        self._sinks: list[Sink] = []
        common = (self._inbox, self._time)
        self.slack = self._open(HttpSink(Slack(), *common, ports.get("slack", 0)))
        self.discord = self._open(HttpSink(Discord(), *common, ports.get("discord", 0)))
        self.webhook = self._open(WebhookSink(Webhook(), *common, ports.get("webhook", 0)))
        self.smtp = self._open(SmtpSink(*common, ports.get("smtp", 0)))
        self.command = self._open(CommandSink(*common, ports.get("command", 0), folder))
        self.hostile_texts = hostile_texts(self.command.canary)

    @property
    def received(self) -> list[Received]:
        """What came to all sinks, in order."""
        return self._inbox.all()

    @property
    def delivered(self) -> list[Received]:
        """What of it a sink took, so that people were told."""
        return [one for one in self.received if one.delivered]

    @property
    def time(self) -> SinkTime:
        """For `virtual_clock.follow`: no virtual time passes while a sink works on an answer."""
        return self._time

    def wait_for(self, number: int, timeout: float = 5.0) -> list[Received]:
        """Wait until so many came, and give all. Raises AlertSinkError after `timeout` seconds.

        The seconds are real ones. Code of an event loop calls it in a thread, with
        `asyncio.to_thread`, so that the loop can go on sending.
        """
        return self._inbox.wait_for(number, timeout)

    def check(self) -> None:
        """Raises AlertSinkError for what nobody asked for, and for what nobody met.

        That is: messages with problems, demands that nothing met, and text that reached a shell.
        """
        problems = [one for sink in self._sinks for one in sink.problems()]
        if problems:
            raise AlertSinkError("\n".join(problems))

    def _open(self, sink: S) -> S:
        self._stack.callback(sink.close)
        sink.open()
        self._sinks.append(sink)
        return sink


@contextmanager
def alert_sinks(ports: Mapping[str, int] | None = None) -> Iterator[AlertSinks]:
    """Start the sinks, and check at the end of the block what they met.

    `ports` gives fixed ports to the channels it names; the others get free ones. Raises SinkError,
    with one line, if a port is taken or a package is missing, and AlertSinkError at the end.
    """
    ports = dict(ports or {})
    if problem := _missing() or _unknown(ports):
        raise SinkError(problem)
    folder = Path(tempfile.mkdtemp(prefix="alert-sinks-"))
    try:
        with ExitStack() as stack:
            sinks = AlertSinks(folder, ports, stack)
            yield sinks
        # Once nothing more can come.
        sinks.check()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _missing() -> str:
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"alert_sinks needs {' and '.join(missing)}, not installed here: "
        "pip install 'pytest-nadia[all]'"
    )


def _unknown(ports: Mapping[str, int]) -> str:
    unknown = [name for name in ports if name not in _CHANNELS]
    if not unknown:
        return ""
    return f"alert_sinks has no channel {unknown[0]!r}: there are {', '.join(_CHANNELS)}"
