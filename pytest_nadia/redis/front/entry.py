"""One command on its way through the front, and what it becomes in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.commands import is_handshake, key_of, name_of
from pytest_nadia.redis.front.outcomes import outcome_of
from pytest_nadia.redis.wire import CommandRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_nadia.redis.wire import Outcome, Rule

_LONGEST_ARGUMENT = 256
_MOST_ARGUMENTS = 64
_SMALL = 1024


class Entry:
    """A command while its reply is awaited.

    `canned` is a reply that the front gives itself, `fault` the rule that will spoil the reply.
    """

    __slots__ = (
        "arrived",
        "canned",
        "connection",
        "database",
        "fault",
        "fields",
        "handshake",
        "name",
        "number",
        "outcome",
        "pushes",
        "reply",
        "reply_bytes",
        "request_bytes",
        "seconds",
        "trip",
    )

    def __init__(
        self, fields: Sequence[bytes], size: int, connection: int, database: int, arrived: float
    ) -> None:
        self.name = name_of(fields)
        self.fields = fields if size < _SMALL else _shortened(fields)
        self.request_bytes = size
        self.connection = connection
        self.database = database
        self.arrived = arrived
        self.seconds = 0.0
        self.number = self.trip = self.reply_bytes = self.pushes = 0
        self.reply = b""
        self.outcome: Outcome | None = None
        self.handshake = False
        self.canned: bytes | None = None
        self.fault: Rule | None = None

    @property
    def key(self) -> bytes | None:
        return key_of(self.name, self.fields)

    @property
    def opens_a_connection(self) -> bool:
        return is_handshake(self.name, self.fields)

    def record(self) -> CommandRecord:
        first = 1 + self.name.count(" ")
        return CommandRecord(
            number=self.number,
            name=self.name,
            arguments=tuple(self.fields[first : first + _MOST_ARGUMENTS]),
            key=self.key,
            database=self.database,
            connection=self.connection,
            trip=self.trip,
            request_bytes=self.request_bytes,
            reply_bytes=self.reply_bytes,
            started=self.arrived,
            seconds=self.seconds,
            outcome=self.outcome or outcome_of(self.name, len(self.fields), self.reply),
            reply=self.reply,
            handshake=self.handshake,
        )


def _shortened(fields: Sequence[bytes]) -> list[bytes]:
    return [field[:_LONGEST_ARGUMENT] for field in fields[: _MOST_ARGUMENTS + 2]]
