"""What passes between the tests and the front, the process that stands before the data."""

from __future__ import annotations

import reprlib
from typing import Literal

import msgspec

Action = Literal[
    "down", "hang", "latency", "drop_after", "cut_reply", "lose_reply", "error", "info", "flap"
]
Outcome = Literal[
    "ok", "error", "rejected", "queued", "discarded", "injected", "lost", "unanswered"
]


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault, as the front applies it.

    `on` names the commands it concerns; empty means the action's own scope: an error "READONLY"
    then hits what writes, a hang everything. `nth` is the first matching command that it hits,
    `times` how many it hits from there, 0 for all. `seconds` is the delay of a latency and the
    time up of a flap; `size` the bytes of replies that a connection still gets.
    """

    action: Action
    on: tuple[str, ...] = ()
    key: bytes = b""
    nth: int = 1
    times: int = 0
    writes: bool = False
    text: str = ""
    seconds: float = 0.0
    down_seconds: float = 0.0
    size: int = 0
    hang: bool = False
    fields: dict[str, str] = {}


class RuleState(msgspec.Struct, frozen=True):
    """How often a rule hit, and which commands came while it was there."""

    fired: int
    seen: dict[str, int]


class CommandRecord(msgspec.Struct, frozen=True, array_like=True):
    """One command as it went over the wire.

    `arguments` leave out the name, `key` is the first key, `trip` numbers the round trip (a
    pipeline is one), `started` and `seconds` are on the front's clock, `reply` is the beginning
    of the reply. Outcomes: "error" ran and failed, "rejected" did not run, "queued" waits in a
    transaction that was not ended, "injected" was answered by a fault, "lost" ran and its reply
    was lost. `handshake` marks what a client library sends on its own when it connects.
    """

    number: int
    name: str
    arguments: tuple[bytes, ...]
    key: bytes | None
    database: int
    connection: int
    trip: int
    request_bytes: int
    reply_bytes: int
    started: float
    seconds: float
    outcome: Outcome
    reply: bytes
    handshake: bool

    def __repr__(self) -> str:
        sent = " ".join([self.name, *map(reprlib.repr, self.arguments)])
        return f"<CommandRecord {self.number}: {sent:.80} ({self.outcome})>"


class ConnectionRecord(msgspec.Struct, frozen=True, array_like=True):
    """A client's connection. `port` is the client's own, 0 on the unix socket; `closed` 0.0: open.

    `opened` and `closed` are seconds on the front's clock, `name` is set by CLIENT SETNAME.
    """

    number: int
    port: int
    opened: float
    closed: float
    name: str


class Setup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the front is started with. `version` is what an embedded Redis announces."""

    kind: Literal["embedded", "server", "url"] = "embedded"
    url: str = ""
    force: bool = False
    version: tuple[int, ...] = (7, 4, 0)


class Hello(msgspec.Struct, frozen=True):
    """The front's first line: where it is, or why it did not start."""

    error: str = ""
    port: int = 0
    socket_path: str = ""
    backstage_path: str = ""
    control_path: str = ""
    version: tuple[int, ...] = ()
    server_name: str = "redis"


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the tests ask of the front."""

    do: Literal[
        "reset",
        "mark",
        "records",
        "connections",
        "add",
        "state",
        "remove",
        "advance",
        "backstage",
        "hold",
        "release",
        "due",
    ]
    number: int = 0
    seconds: float = 0.0
    rule: Rule | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the front answers to an order."""

    error: str = ""
    number: int = 0
    remark: str = ""
    records: list[CommandRecord] = []
    connections: list[ConnectionRecord] = []
    state: RuleState | None = None
    counts: dict[str, int] = {}
    seconds: float = 0.0
    traffic: dict[int, tuple[int, int]] = {}
