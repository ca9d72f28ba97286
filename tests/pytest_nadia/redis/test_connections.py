from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
import warnings
from contextlib import closing, contextmanager
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from pytest_nadia.redis.call_stack import own_code
from pytest_nadia.redis.connections import Connections, address_text, watch_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    RunAsync = Callable[[Coroutine[None, None, None]], None]

pytestmark = pytest.mark.integration

HERE = str(Path(__file__))


@pytest.fixture
def port() -> Iterator[int]:
    """Answers every command with +PONG, which is enough of a Redis to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener, serving(listener):
        yield listener.getsockname()[1]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with serving(listener):
            yield str(tmp_path / "s")


@contextmanager
def serving(listener: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=serve, args=(listener,))
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def serve(listener: socket.socket) -> None:
    clients = []
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            break
        clients.append(client)
        threading.Thread(target=answer, args=(client,), daemon=True).start()
    for client in clients:
        client.close()


def answer(client: socket.socket) -> None:
    try:
        while data := client.recv(4096):
            client.sendall(b"+PONG\r\n" * data.count(b"*"))
    except OSError:
        return


@pytest.fixture
def connections(port: int, path: str) -> Iterator[Connections]:
    with watch_connections() as connections:
        connections.give(("127.0.0.1", port), path)
        yield connections


def states(connections: Connections) -> list[str]:
    return [one.state for one in connections.opened()]


def sync_client(port: int) -> redis.Redis:
    return redis.Redis(port=port, protocol=2)


def async_client(port: int) -> redis.asyncio.Redis:
    return redis.asyncio.Redis(port=port, protocol=2)


def this_line() -> int:
    return sys._getframe(1).f_lineno


def test_a_synchronous_client(port: int, connections: Connections) -> None:
    with sync_client(port) as client:
        client.ping()
        line = this_line() - 1
        [opened] = connections.opened()
        place = own_code(opened.stack)

        assert (opened.address, opened.state) == (f"127.0.0.1:{port}", "open")
        assert place is not None
        assert place[:3] == (HERE, line, "test_a_synchronous_client")
    assert states(connections) == ["closed"]


def test_an_asyncio_client(port: int, connections: Connections, run_async: RunAsync) -> None:
    async def use() -> None:
        async with async_client(port) as client:
            await client.ping()
            assert states(connections) == ["open"]

    run_async(use())

    [opened] = connections.opened()
    place = own_code(opened.stack)
    assert opened.state == "closed"
    assert place is not None
    assert place.function == "test_an_asyncio_client.<locals>.use"


def test_an_asyncio_client_that_nobody_closes(
    port: int, connections: Connections, run_async: RunAsync
) -> None:
    async def use() -> None:
        await async_client(port).ping()
        gc.collect()
        await asyncio.sleep(0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        run_async(use())
        gc.collect()

    assert states(connections) == ["finalized"]


def test_an_asyncio_client_that_outlives_its_loop(
    port: int, connections: Connections, run_async: RunAsync
) -> None:
    kept = []

    async def use() -> None:
        kept.append(async_client(port))
        await kept[0].ping()

    run_async(use())
    assert states(connections) == ["open"]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        kept.clear()
        gc.collect()
    assert states(connections) == ["finalized"]


def test_a_stream_that_is_closed_as_its_loop_ends(
    port: int, connections: Connections, run_async: RunAsync
) -> None:
    async def use() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    run_async(use())

    assert states(connections) == ["closed"]


def test_a_synchronous_client_may_leave_closing_to_its_end(
    port: int, connections: Connections
) -> None:
    client = sync_client(port)
    client.ping()
    del client
    gc.collect()

    assert states(connections) == ["closed"]


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_raw_socket(port: int, connections: Connections, method: str) -> None:
    with socket.socket() as raw:
        getattr(raw, method)(("127.0.0.1", port))
        assert connections.opened_at(raw.getsockname()[1])[0].file == HERE
        assert states(connections) == ["open"]
    assert states(connections) == ["closed"]


def test_a_raw_socket_that_nobody_closes(port: int, connections: Connections) -> None:
    raw = socket.create_connection(("localhost", port))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del raw
    assert states(connections) == ["finalized"]


def test_a_unix_socket(path: str, connections: Connections) -> None:
    with redis.Redis(unix_socket_path=path, protocol=2) as client:
        client.ping()

    [opened] = connections.opened()
    assert (opened.address, opened.port, opened.state) == (path, 0, "closed")


def test_connections_are_found_by_their_port(port: int, connections: Connections) -> None:
    with (
        closing(socket.create_connection(("127.0.0.1", port))) as first,
        closing(socket.create_connection(("127.0.0.1", port))) as second,
    ):
        lines = [connections.opened_at(one.getsockname()[1])[1].line for one in (first, second)]

    assert len(set(lines)) == 2
    assert connections.opened_at(port) == ()
    assert connections.opened_at(0) == ()


def test_threads_are_seen(port: int, connections: Connections) -> None:
    def use() -> None:
        with sync_client(port) as client:
            client.ping()

    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert states(connections) == ["closed"] * 20


def test_another_redis_is_foreign_with_the_line_that_reached_for_it(
    port: int, connections: Connections, unused_port: int
) -> None:
    with sync_client(port) as client:
        client.ping()
    for _ in range(2):
        impatient = redis.Redis(port=unused_port, retry=Retry(NoBackoff(), 0))
        with impatient as client, pytest.raises(redis.ConnectionError):
            client.ping()
    line = this_line() - 1

    [foreign] = connections.foreign()
    assert (foreign.address, foreign.path, foreign.line) == (f"127.0.0.1:{unused_port}", HERE, line)


def test_what_is_spared_is_neither_foreign_nor_ours_to_close(
    connections: Connections, unused_port: int
) -> None:
    connections.spare(("127.0.0.1", unused_port))
    with pytest.raises(redis.ConnectionError):
        redis.Redis(port=unused_port, retry=Retry(NoBackoff(), 0)).ping()
    assert connections.foreign() == []
    assert connections.opened() == []


def test_what_the_toolkit_does_for_itself_is_not_foreign(connections: Connections) -> None:
    def use(connect: Callable[[tuple[str, int]], int]) -> None:
        connect(("127.0.0.1", 6379))

    ours = FunctionType(use.__code__, {"__name__": "pytest_nadia.redis.something"})

    with socket.socket() as raw:
        ours(raw.connect_ex)
        assert connections.foreign() == []
        raw.connect_ex(("127.0.0.1", 6379))
        assert len(connections.foreign()) == 1


def test_the_usual_port_is_foreign_to_a_raw_socket_too(connections: Connections) -> None:
    with socket.socket() as raw:
        # A network that only exists in documentation: nothing is sent to anybody.
        raw.setblocking(False)
        raw.connect_ex(("127.0.0.1", 6379))

    assert [one.address for one in connections.foreign()] == ["127.0.0.1:6379"]


def test_what_is_no_redis_is_not_seen(port: int) -> None:
    with watch_connections() as connections, socket.create_connection(("127.0.0.1", port)):
        assert connections.opened() == []
        assert connections.foreign() == []


def test_what_was_before_is_forgotten(port: int, connections: Connections) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))):
        connections.forget()

        assert connections.opened() == []


# In a process of their own: the plugin may be watching in this one.
COME_BACK = """
import asyncio, socket, sys
from pytest_nadia.redis.connections import watch_connections

PORT = int(sys.argv[1])
CLASSES = socket.socket, asyncio.selector_events._SelectorTransport

async def use():
    _, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.close()

def methods():
    return [dict(vars(one)) for one in CLASSES]

before = methods()
with watch_connections() as outer:
    with watch_connections() as inner:
        outer.give(("127.0.0.1", PORT))
        inner.give(("127.0.0.1", PORT))
        asyncio.run(use())
        assert all(now != was for now, was in zip(methods(), before))
    asyncio.run(use())
    assert (len(outer.opened()), len(inner.opened())) == (2, 1)
assert methods() == before
"""
LEFT_ALONE = """
import socket, sys
from pytest_nadia.redis.connections import watch_connections

with watch_connections():
    ours = socket.socket.connect

    def theirs(self, address):
        ours(self, address)

    socket.socket.connect = theirs
assert socket.socket.connect is theirs
with watch_connections() as connections:
    connections.give(("127.0.0.1", int(sys.argv[1])))
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
    assert [one.state for one in connections.opened()] == ["closed"]
assert socket.socket.connect is theirs
"""
PUT_BACK = """
import socket, sys
from pytest_nadia.redis.connections import watch_connections

before = socket.socket.connect
with watch_connections() as connections:
    connections.give(("127.0.0.1", int(sys.argv[1])))
    socket.socket.connect = before
    connections.forget()
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
    assert [one.state for one in connections.opened()] == ["closed"]
assert socket.socket.connect is before
"""


@pytest.mark.parametrize(
    "program",
    [COME_BACK, LEFT_ALONE, PUT_BACK],
    ids=["come back", "another tool's are left alone", "another tool put the old ones back"],
)
def test_the_methods_afterwards(program: str, port: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program, str(port)], capture_output=True, text=True, timeout=60
    )

    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 1), "127.0.0.1:1"),
        (("localhost", 1), "127.0.0.1:1"),
        (("::1", 1, 0, 0), "127.0.0.1:1"),
        (("2001:db8::1", 1, 0, 0), "[2001:db8::1]:1"),
        ("/run/s", "/run/s"),
        (b"/run/s", "/run/s"),
        (Path("/run/s"), "/run/s"),
        (None, ""),
        ((1, 2), "1:2"),
        (("x", "y"), ""),
    ],
)
def test_one_spelling_for_each_address(address: object, text: str) -> None:
    assert address_text(address) == text


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
