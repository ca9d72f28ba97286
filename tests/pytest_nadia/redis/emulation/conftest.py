from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
import redis
from fakeredis import FakeServer
from fakeredis._socket import FakeSocket

from pytest_nadia.redis.emulation.emulation import Emulation
from pytest_nadia.redis.emulation.encoding import encode_reply
from pytest_nadia.redis.emulation.state import ServerState
from pytest_nadia.redis.emulation.values import or_null_array

if TYPE_CHECKING:
    from collections.abc import Callable


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return 1_700_000_000.0 + self.seconds


class Server(FakeServer):
    def __init__(self, version: tuple[int, ...], clock: HandClock) -> None:
        super().__init__(version=version)
        self.emulation = ServerState(version, clock)


class Session(Emulation, FakeSocket):
    """A client without a connection: gives what would be on the wire."""

    def __init__(self, server: FakeServer) -> None:
        self.sent: list[bytes] = []
        address = {"addr": "127.0.0.1:5", "laddr": "127.0.0.1:6"}
        super().__init__(server, 0, client_class=redis.Redis, client_info=address)

    def put_response(self, msg: Any) -> None:
        self.sent.append(encode_reply(msg, self._client_info.protocol_version))

    def _blocking(self, timeout: Any, func: Any, shape: Any = None) -> Any:
        """Nobody waits here: what is not there at once is not there."""
        found = func(True)
        shaped = found if shape is None else shape(found)
        return shaped if self._in_transaction else or_null_array(shaped)

    def ask(self, *fields: str | bytes) -> bytes:
        self.sent.clear()
        self._process_command([f.encode() if isinstance(f, str) else f for f in fields])
        return b"".join(self.sent)

    def __call__(self, line: str) -> str:
        """The reply to a command line, as text."""
        return self.ask(*shlex.split(line)).decode("latin-1").removesuffix("\r\n")

    def fields(self, line: str) -> dict[str, str]:
        """What INFO answers."""
        lines = [one for one in self(line).split("\r\n") if ":" in one]
        return dict(one.split(":", 1) for one in lines)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def make_server(clock: HandClock) -> Callable[..., Server]:
    return lambda version=(7, 0, 15): Server(version, clock)


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()


@pytest.fixture
def session(server: Server) -> Session:
    return Session(server)


@pytest.fixture
def connect() -> Callable[[FakeServer], Session]:
    return Session
