"""A command that a project can configure to be told of alerts."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_nadia.alerts.payloads.verdict import Problem
from pytest_nadia.alerts.sink_base import Sink
from pytest_nadia.alerts.sink_connections import Connections
from pytest_nadia.alerts.sink_inbox import SinkError
from pytest_nadia.alerts.sink_listener import wait_for_more

if TYPE_CHECKING:
    import socket

    from pytest_nadia.alerts.sink_demands import Demand
    from pytest_nadia.alerts.sink_inbox import Inbox
    from pytest_nadia.alerts.sink_time import SinkTime

_STARTER = """\
#!/bin/sh
exec {python} -I -S {recorder} {port} {token} "$@"
"""
_OPEN = Problem(
    "its standard input was left open: give it input=... or stdin=subprocess.DEVNULL",
    refused=False,
)


class CommandSink(Sink):
    """`path` is the program, `argv` a list to which a project adds the text.

    Records the arguments and standard input exactly, as `payload` (a list) and `raw`.
    """

    def __init__(self, inbox: Inbox, time: SinkTime, port: int, folder: Path) -> None:
        super().__init__("command", inbox, time, port)
        self._folder = folder
        self._token = secrets.token_hex(8)
        self._connections = Connections()
        time.ask(lambda: self._connections.has_unread)
        self._path = self._write()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def argv(self) -> list[str]:
        return [str(self._path)]

    @property
    def canary(self) -> Path:
        """The file that is only there if a shell has read one of the hostile texts."""
        return self._folder / "canary"

    def fail(self, exit_code: int = 1, times: int | None = None) -> Demand:
        """Exit with this code, 1 to 255."""
        if not 1 <= exit_code <= 255:
            raise SinkError(f"fail takes an exit code from 1 to 255, not {exit_code!r}")
        demand = self._demand("fail", exit_code, times=times)
        demand.status = exit_code
        return self._demands.add(demand)

    def problems(self) -> list[str]:
        found = super().problems()
        if self.canary.exists():
            found.append(
                "command: the text of an alert reached a shell, which ran what stood in it: start "
                "the command with a list of arguments and without shell=True"
            )
        return found

    def _write(self) -> Path:
        recorder = self._folder / "recorder.py"
        source = Path(__file__).with_name("sink_recorder.py")
        recorder.write_bytes(source.read_bytes())
        path = self._folder / "alert-command"
        text = _STARTER.format(
            python=shlex.quote(sys.executable),
            recorder=shlex.quote(str(recorder)),
            port=self.port,
            token=self._token,
        )
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700)
        return path

    def _serve(self, connection: socket.socket) -> None:
        self._start(self._connections.thread("alert_sinks.command", connection, self._handle))

    def _hang_up(self) -> None:
        self._connections.hang_up()

    def _handle(self, connection: socket.socket) -> None:
        wait_for_more(connection)
        busy = self._connections.busy(connection)
        with self._time.at_work(), busy, connection.makefile("rb") as lines:
            told = _told(lines.readline())
            if told.get("token") == self._token:
                connection.sendall(b"%d\n" % self._take(told))

    def _take(self, told: dict[str, object]) -> int:
        arguments = [os.fsdecode(bytes.fromhex(one)) for one in _list(told["arguments"])]
        raw = bytes.fromhex(str(told["input"]))
        demand = self._demands.take("message")
        status = demand.status if demand is not None else 0
        is_silent = demand is not None and demand.kind in {"hang", "drop"}
        self._record(
            "\n".join([*arguments, *filter(None, [raw.decode("utf-8", "replace")])]),
            raw,
            arguments,
            [] if told["ended"] else [_OPEN],
            None if is_silent else status,
            status == 0,
        )
        if demand is not None and demand.kind in {"delay", "hang"}:
            self._time.wait(demand)
        return 1 if is_silent else status


def _told(line: bytes) -> dict[str, object]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
