"""The front as a program: it says where it is, and serves until its standard input closes."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pytest_nadia.redis.backends.errors import BackendError
from pytest_nadia.redis.backends.folders import private_folder, sweep_folders
from pytest_nadia.redis.backends.lease import RENEWAL_SECONDS
from pytest_nadia.redis.front.clock import Clock
from pytest_nadia.redis.front.control import Control
from pytest_nadia.redis.front.data import Data, EmbeddedData, ServerData
from pytest_nadia.redis.front.house import House
from pytest_nadia.redis.front.listener import Listener, accept_all, listen_at
from pytest_nadia.redis.front.loop import Loop
from pytest_nadia.redis.wire import Hello, Setup

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from pytest_nadia.redis.backends.lease import Lease
    from pytest_nadia.redis.front.house import Limit


_SECONDS_TO_ANSWER = 20.0


@dataclass(frozen=True)
class Backend:
    """What a kind of data gives to the front."""

    data: Data
    version: tuple[int, ...]
    server_name: str
    limit: Limit | None = None
    lease: Lease | None = None


SETUP_VARIABLE = "NADIA_FRONT_SETUP"


def main() -> int:
    """Serve as the JSON document in the environment says; gives the exit code."""
    setup = msgspec.json.decode(os.environ.pop(SETUP_VARIABLE), type=Setup)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    loop = Loop(Clock())
    try:
        with _backend(loop, setup) as backend, _folder() as folder:
            _serve(loop, backend, folder)
    except BackendError as error:
        _say(Hello(error=str(error)))
        return 2
    return 0


@contextmanager
def _folder() -> Iterator[str]:
    sweep_folders()
    with private_folder() as folder:
        yield str(folder)


def _serve(loop: Loop, backend: Backend, folder: str) -> None:
    house = House(loop, backend.data, backend.limit)
    # None has the name of a server's socket, which the folder's removal shuts down first.
    paths = [f"{folder}/{name}" for name in ("front.sock", "backstage.sock", "control.sock")]
    house.listener = Listener(loop, paths[0], house.welcome)
    accept_all(loop, listen_at(paths[1]), house.welcome_privileged)
    accept_all(loop, listen_at(paths[2]), lambda sock, _: _obey(house, sock))
    _say(
        Hello(
            port=house.listener.port,
            socket_path=paths[0],
            backstage_path=paths[1],
            control_path=paths[2],
            version=backend.version,
            server_name=backend.server_name,
        )
    )
    if backend.lease and isinstance(backend.data, ServerData):
        _keep_lease(loop, house, backend.data, backend.lease)
    loop.watch(0, lambda: None if os.read(0, 4096) else loop.stop())
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    loop.run()


def _obey(house: House, sock: socket.socket) -> None:
    Control(house, sock)


def _say(hello: Hello) -> None:
    os.write(1, msgspec.json.encode(hello) + b"\n")


@contextmanager
def _backend(loop: Loop, setup: Setup) -> Iterator[Backend]:
    start = {"embedded": _embedded, "server": _spawned, "url": _leased}[setup.kind]
    with start(loop, setup) as backend:
        yield backend


@contextmanager
def _embedded(loop: Loop, setup: Setup) -> Iterator[Backend]:
    from pytest_nadia.redis.front.embedded import EmbeddedServer

    loop.clock.rule_this_process()
    server = EmbeddedServer(loop, setup.version)
    yield Backend(EmbeddedData(loop, server), setup.version, "redis")


@contextmanager
def _spawned(loop: Loop, _setup: Setup) -> Iterator[Backend]:
    from pytest_nadia.redis.backends.spawn import spawn_server

    with spawn_server() as server:
        data = ServerData(loop, server.socket_path, parameters=_parameters(server.socket_path))
        yield Backend(data, server.version, server.name)


def _parameters(socket_path: str) -> dict[bytes, bytes]:
    """What CONFIG SET may change, as the server started with it."""
    from pytest_nadia.redis.backends.blocking import BlockingClient

    with BlockingClient(socket_path, _SECONDS_TO_ANSWER) as client:
        pairs = client.call("CONFIG", "GET", "*")
    flat = [one for one in pairs if isinstance(one, bytes)] if isinstance(pairs, list) else []
    return dict(zip(flat[::2], flat[1::2], strict=True))


@contextmanager
def _leased(loop: Loop, setup: Setup) -> Iterator[Backend]:
    from pytest_nadia.redis.backends.guard import Guard
    from pytest_nadia.redis.backends.lease import take_lease

    lease = take_lease(setup.url, setup.force)
    try:
        data = ServerData(loop, lease.address, lease=lease)
        limit = Guard(lease.database).decide
        yield Backend(data, lease.version, lease.name, limit, lease)
    finally:
        _give_back(lease)


def _give_back(lease: Lease) -> None:
    # The tests have been told where the front is: nothing but standard error is left to say it.
    try:
        problem = lease.release()
    except BackendError as error:
        problem = str(error)
    if problem:
        print(problem, file=sys.stderr)


def _keep_lease(loop: Loop, house: House, data: ServerData, lease: Lease) -> None:
    """Renew the lease for ever; when it or the login is refused, no test may start any more."""

    def judge(reply: bytes) -> None:
        house.problem = lease.problem(reply)

    def renew() -> None:
        data.ask_raw(lease.renewal_commands(), 1, lambda replies: judge(replies[0]))
        loop.call_really_later(RENEWAL_SECONDS, renew)

    data.on_refusal = judge
    loop.call_really_later(RENEWAL_SECONDS, renew)


if __name__ == "__main__":
    sys.exit(main())
