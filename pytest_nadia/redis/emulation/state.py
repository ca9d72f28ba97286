"""What the emulation keeps on the server, for all its clients."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fakeredis._helpers import SimpleError
from fakeredis.model import AccessControlList

from pytest_nadia.redis.emulation.database import WeighedDatabase
from pytest_nadia.redis.emulation.parameters import aliases_of, canonical, defaults
from pytest_nadia.redis.emulation.plans import Plans
from pytest_nadia.redis.emulation.settings import Settings, settings_from
from pytest_nadia.redis.emulation.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fakeredis import FakeServer

    from pytest_nadia.redis.emulation.luaruntime import LuaRuntime

# What an empty server takes for itself, in bytes: that of a Redis 7.0 with a few clients.
BASE_MEMORY = 1_000_000


class ClockLike(Protocol):
    """Where the time comes from: `now` only grows, `wall` is since the epoch; both in seconds."""

    def now(self) -> float: ...

    def wall(self) -> float: ...


@dataclass(frozen=True, slots=True)
class SlowCommand:
    """One entry of the slow log; `started` since the epoch, both times in seconds."""

    number: int
    started: float
    seconds: float
    fields: tuple[bytes, ...]
    address: str
    client: str


class ServerState:
    """Configuration, counters and logs of one emulated server.

    `version` is what it announces. `shutdown` is called by the SHUTDOWN command, which is
    refused where it is None; `port` and `socket_path` are what INFO and CONFIG GET tell.
    """

    def __init__(self, version: tuple[int, ...], clock: ClockLike) -> None:
        self.version = version
        self.clock = clock
        self.shutdown: Callable[[], None] | None = None
        self.port = 0
        self.socket_path = ""
        self.run_id = secrets.token_hex(20)
        self.replication_id = secrets.token_hex(20)
        self.started = clock.now()
        self.statistics = Statistics()
        self.plans = Plans(self.statistics, version)
        self.slow: deque[SlowCommand] = deque()
        self.slow_count = 0
        self.peak_memory = BASE_MEMORY
        self.changes_at_save = 0
        self.lua: LuaRuntime | None = None
        self.parameters: dict[str, str] = {}
        self.settings: Settings
        self._server: FakeServer | None = None
        self.reset_parameters()

    @property
    def version_text(self) -> str:
        return ".".join(str(part) for part in (*self.version, 0, 0)[:3])

    @property
    def shortest_doubles(self) -> bool:
        """Whether scores are written with as few digits as possible, as since Redis 7.2."""
        return self.version >= (7, 2)

    @property
    def server(self) -> FakeServer:
        if self._server is None:
            raise RuntimeError("the emulation has not been attached to a server yet")
        return self._server

    def attach(self, server: FakeServer) -> None:
        """Take over the databases of `server`; what they held before is lost."""
        if self._server is server:
            return
        self._server = server
        server.dbs = defaultdict(lambda: WeighedDatabase(server.lock, self._count_expired))
        self._publish()

    def _count_expired(self) -> None:
        self.statistics.expired_keys += 1

    def databases(self) -> dict[int, WeighedDatabase]:
        found = self.server.dbs.items()
        return {number: db for number, db in found if isinstance(db, WeighedDatabase)}

    def check_database(self, index: int) -> None:
        """Raises `SimpleError` if there is no database of this number."""
        if not 0 <= index < int(self.parameters["databases"]):
            raise SimpleError("ERR DB index is out of range")

    def used_memory(self) -> int:
        """Bytes that the server would take: a constant and the estimate of what it holds."""
        weights = (db.weight(self.settings.limits) for db in self.databases().values())
        used = BASE_MEMORY + sum(weights)
        self.peak_memory = max(self.peak_memory, used)
        return used

    def changes(self) -> int:
        """Writes since the last save."""
        return sum(db.changes for db in self.databases().values()) - self.changes_at_save

    def reset_parameters(self) -> None:
        """Set the configuration back to the defaults."""
        self.parameters = dict(defaults())
        self._publish()

    def reset(self) -> None:
        """Back to a server just started, except for the data and the connections."""
        self.reset_parameters()
        self.statistics.clear()
        self.slow.clear()
        self.peak_memory = BASE_MEMORY
        self.server.acl = AccessControlList()
        self.changes_at_save += self.changes()

    def set_parameters(self, values: Mapping[str, str]) -> None:
        """Store values that were normalized already."""
        for name, value in values.items():
            for alias in (canonical(name), *aliases_of(canonical(name))):
                if alias in self.parameters:
                    self.parameters[alias] = value
        self._publish()

    def _publish(self) -> None:
        self.settings = settings_from(self.parameters, self.version)
        if self._server is not None:
            encoded = {name.encode(): text.encode() for name, text in self.parameters.items()}
            self._server.config = encoded

    def log_slow(self, fields: Iterable[Any], seconds: float, address: str, client: str) -> None:
        """Remember a command that took long."""
        arguments = tuple(field for field in fields if isinstance(field, bytes))
        entry = SlowCommand(
            self.slow_count, self.clock.wall() - seconds, seconds, arguments, address, client
        )
        self.slow_count += 1
        self.slow.appendleft(entry)
        while len(self.slow) > self.settings.slow_log_length:
            self.slow.pop()
