"""SLOWLOG and LATENCY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._helpers import OK, SimpleError

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.helptexts import help_lines
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.values import Verbatim

if TYPE_CHECKING:
    from fakeredis._helpers import SimpleString

    from pytest_nadia.redis.emulation.state import SlowCommand

_MOST_ARGUMENTS = 32
_LONGEST_ARGUMENT = 128
_BAD_COUNT = "ERR count should be greater than or equal to -1"
_DOCTOR = (
    b"I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. "
    b'You may use "CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it.\n'
)


class LogMixin(SocketBase):
    @command("slowlog get", (), (bytes,))
    def slowlog_get(self, *options: bytes) -> list[Any]:
        count = Int.decode(options[0], _BAD_COUNT) if options else 10
        if count < -1:
            raise SimpleError(_BAD_COUNT)
        entries = list(self.state.slow)
        return [_row(entry) for entry in (entries if count == -1 else entries[:count])]

    @command("slowlog len")
    def slowlog_len(self) -> int:
        return len(self.state.slow)

    @command("slowlog reset")
    def slowlog_reset(self) -> SimpleString:
        self.state.slow.clear()
        return OK

    @command("slowlog help")
    def slowlog_help(self) -> list[SimpleString]:
        return help_lines("slowlog")

    @command("latency latest")
    def latency_latest(self) -> list[Any]:
        return []

    @command("latency history", (bytes,))
    def latency_history(self, _event: bytes) -> list[Any]:
        return []

    @command("latency reset", (), (bytes,))
    def latency_reset(self, *_events: bytes) -> int:
        return 0

    @command("latency graph", (bytes,))
    def latency_graph(self, event: bytes) -> Any:
        name = event.decode("utf-8", "surrogateescape")
        raise SimpleError(f"ERR No samples available for event '{name}'")

    @command("latency histogram", (), (bytes,))
    def latency_histogram(self, *_names: bytes) -> dict[bytes, Any]:
        return {}

    @command("latency doctor")
    def latency_doctor(self) -> Verbatim:
        return Verbatim(_DOCTOR)

    @command("latency help")
    def latency_help(self) -> list[SimpleString]:
        return help_lines("latency")


def _row(entry: SlowCommand) -> list[Any]:
    return [
        entry.number,
        int(entry.started),
        int(entry.seconds * 1_000_000),
        _arguments(entry.fields),
        entry.address.encode(),
        entry.client.encode("utf-8", "surrogateescape"),
    ]


def _arguments(fields: tuple[bytes, ...]) -> list[bytes]:
    shown = [_shortened(field) for field in fields]
    if len(shown) <= _MOST_ARGUMENTS:
        return shown
    left_out = len(shown) - _MOST_ARGUMENTS + 1
    return [*shown[: _MOST_ARGUMENTS - 1], b"... (%d more arguments)" % left_out]


def _shortened(field: bytes) -> bytes:
    if len(field) <= _LONGEST_ARGUMENT:
        return field
    more = len(field) - _LONGEST_ARGUMENT
    return b"%b... (%d more bytes)" % (field[:_LONGEST_ARGUMENT], more)
