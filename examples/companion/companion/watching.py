"""The daemon with all that belongs to it: the channels, their state, and the metrics."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

from companion import channels
from companion.alert_state import SharedState, StateFile
from companion.alerts import AlertManager
from companion.constants import ALERT_SHARED_SECONDS
from companion.health_daemon import HealthDaemon, schedules
from companion.redis_connection import RedisConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from companion.config import Settings
    from companion.health_daemon import Observer


async def watch(settings: Settings, note: Callable[[str], None]) -> int:
    """Run the daemon until SIGTERM; the exit code. Raises MetricsError."""
    with ExitStack() as stack:
        observer = _serve(settings, stack, note)
        found = channels.from_settings(settings)
        if not found:
            note("nobody is told of an alert: set up a channel, COMPANION_ALERT_…")
        url = settings.redis_url
        async with RedisConnection(url, ALERT_SHARED_SECONDS, retries=0) as connection:
            shared = SharedState(connection.client)
            manager = AlertManager(found, StateFile(settings.alert_state), shared)
            daemon = HealthDaemon(schedules(settings), manager, observer)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, daemon.stop)
            note("watching; stop it with Ctrl-C or SIGTERM")
            await daemon.run()
    return 0


def _serve(settings: Settings, stack: ExitStack, note: Callable[[str], None]) -> Observer | None:
    try:
        from companion.exporter import Exporter, serving
    except ModuleNotFoundError:
        note("no metrics are served: pip install 'companion[metrics]'")
        return None
    exporter = Exporter()
    stack.enter_context(serving(exporter, settings.metrics_host, settings.metrics_port))
    return exporter
