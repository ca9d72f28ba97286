"""Whatever clients, signals and servers do to the front, it serves the others and ends in time."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil
import pytest
import redis
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_nadia.redis import process
from pytest_nadia.redis.process import FrontError, run_front
from pytest_nadia.redis.wire import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.redis.process import Front

    Eventually = Callable[[Callable[[], bool]], None]

pytestmark = pytest.mark.slow

MB = 1 << 20
# What a promise of five seconds gets, and no more.
PROMISED_SECONDS = 5
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def encode(*fields: bytes | str) -> bytes:
    raw = [field.encode() if isinstance(field, str) else field for field in fields]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(field), field) for field in raw)
    return b"*%d\r\n%b" % (len(raw), bulks)


def connect(front: Front, seconds: float = 20) -> socket.socket:
    return socket.create_connection((front.host, front.port), seconds)


def client_of(front: Front, **options: object) -> redis.Redis:
    chosen = {"host": front.host, "port": front.port, "retry": None, "socket_timeout": 20}
    return redis.Redis(**{**chosen, **options})  # type: ignore[arg-type]


def receive_all(connection: socket.socket) -> bytes:
    """Until the other side closes; a reset is an end too."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := connection.recv(1 << 20):
            received += data
    return bytes(received)


def assert_serves(front: Front) -> None:
    with closing(client_of(front)) as client:
        assert client.ping()
    front.mark()


def resident(front: Front) -> int:
    return int(psutil.Process(front.pid).memory_info().rss)


def server_pid(front: Front) -> int:
    with closing(client_of(front)) as client:
        return int(client.info("server")["process_id"])


def is_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def wait_as_promised(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PROMISED_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {PROMISED_SECONDS} s"
        time.sleep(0.02)


# Many clients


def test_a_hundred_threads_with_a_connection_each(front: Front) -> None:
    everyone = threading.Barrier(100, timeout=60)

    def count() -> None:
        with closing(client_of(front)) as client:
            client.ping()
            everyone.wait()
            for _ in range(10):
                client.incr("n")

    with ThreadPoolExecutor(100) as pool:
        for running in [pool.submit(count) for _ in range(100)]:
            running.result()
    with closing(client_of(front)) as client:
        assert client.get("n") == b"1000"
    assert sum(record.name == "INCRBY" for record in front.records()) == 1000


def test_a_hundred_tasks_with_a_connection_each(
    front: Front, run_async: Callable[..., None]
) -> None:
    async def count() -> None:
        async with redis.asyncio.Redis.from_url(front.url) as client:
            for _ in range(10):
                await client.incr("n")
            await client.blpop(["queue"], timeout=0.05)

    async def all_at_once() -> None:
        await asyncio.gather(*(count() for _ in range(100)))

    run_async(all_at_once())
    with closing(client_of(front)) as client:
        assert client.get("n") == b"1000"


def test_a_flood_of_connections(front: Front, eventually: Eventually) -> None:
    with ExitStack() as stack:
        flood = [stack.enter_context(connect(front)) for _ in range(700)]
        for connection in flood:
            connection.sendall(b"PING\r\n")
        for connection in flood:
            assert connection.recv(100) == b"+PONG\r\n"
    eventually(lambda: all(one.closed for one in front.connections()))
    assert_serves(front)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_clients_that_reset_before_they_are_welcomed(front: Front) -> None:
    with stopped(front.pid):
        for number in range(100):
            connection = connect(front)
            connection.send(b"PING\r\n" * (number % 2))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.close()
    assert_serves(front)


FEW_DESCRIPTORS = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
from pytest_nadia.redis.process import run_front
with run_front(sys.argv[1]) as front:
    print(front.port, flush=True)
    sys.stdin.readline()
    print(front.mark(), flush=True)
"""


def answers_ping(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, 20) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(100) == b"+PONG\r\n"


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_more_connections_than_the_system_allows(
    kind: str, clean_env: dict[str, str], require: Callable[[str], str], eventually: Eventually
) -> None:
    if kind == "server":
        require("redis-server")
    line = [sys.executable, "-c", FEW_DESCRIPTORS, kind]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, env=clean_env, stdin=pipe, stdout=pipe, text=True) as running:
        assert running.stdout is not None
        address = ("127.0.0.1", int(running.stdout.readline()))
        with ExitStack() as stack:
            for _ in range(150):
                stack.enter_context(socket.create_connection(address, 20)).sendall(b"PING\r\n")
            time.sleep(0.3)
        eventually(lambda: answers_ping(address))
        told, _ = running.communicate("\n", timeout=60)
    assert running.returncode == 0
    assert told.strip().isdigit()


# Large values


def test_a_value_of_more_than_512_mb_is_refused_and_takes_no_memory(front: Front) -> None:
    before = resident(front)
    with connect(front) as connection:
        connection.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870913\r\n" + b"x" * 1000)
        received = receive_all(connection)
    assert received == b"-ERR Protocol error: invalid bulk length\r\n"
    assert resident(front) - before < 20 * MB
    assert_serves(front)


def test_an_announced_value_takes_no_memory_before_it_comes(front: Front) -> None:
    before = resident(front)
    with connect(front) as connection:
        connection.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\n" + b"x" * MB)
        assert_serves(front)
        assert resident(front) - before < 20 * MB


def test_a_value_of_40_mb_goes_in_and_out(front: Front) -> None:
    value = os.urandom(MB) * 40
    with closing(client_of(front)) as client:
        assert client.set("large", value)
        assert client.strlen("large") == len(value)
        assert client.get("large") == value


# What is not the protocol

NONSENSE = {
    "count is no number": b"*x\r\n",
    "count too large": b"*2147483648\r\n",
    "count far too large": b"*99999999999999999999\r\n",
    "no length": b"*1\r\nPING\r\n",
    "negative length": b"*1\r\n$-5\r\n",
    "length is no number": b"*1\r\n$four\r\nPING\r\n",
    "length too large": b"*1\r\n$99999999999\r\n",
    "endless count": b"*" + b"1" * 70_000,
    "endless line": b"x" * 70_000,
    "open quotes": b'ECHO "x\r\n',
}


@pytest.mark.parametrize("ruled", [False, True], ids=["no rule", "a rule"])
@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused_in_redis_words_and_hung_up_on(
    front: Front, data: bytes, ruled: bool
) -> None:
    if ruled:
        front.add_rule(Rule(action="error", text="ERR no", on=("NOSUCH",)))
    with connect(front) as connection, connect(front) as bystander:
        connection.sendall(b"PING\r\n" + data)
        received = receive_all(connection)
        assert received.startswith(b"+PONG\r\n-ERR Protocol error: ")
        assert received.count(b"\r\n") == 2
        bystander.sendall(b"PING\r\n")
        assert bystander.recv(100) == b"+PONG\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nFLUSHALL\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(14, 256)) * 2,
        b"*3\r\n$3\r\nSET\r\n$9\r\na\r\n",
        b"*1000000\r\n$4\r\nMGET\r\n",
        b"*0\r\n*-1\r\n*-99\r\n\r\n \r\n",
        b"\x00" * 3000 + b"\n",
        b"$4\r\nPING\r\n",
        b"+OK\r\n:1\r\n",
    ],
)
def test_other_nonsense_keeps_nobody_waiting(front: Front, data: bytes) -> None:
    with connect(front) as connection:
        connection.sendall(data)
        assert_serves(front)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        receive_all(connection)
    assert_serves(front)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pieces=st.lists(
        st.binary(max_size=40)
        | st.sampled_from(
            [b"*1\r\n", b"*3\r\n", b"$3\r\n", b"GET\r\n", b"\r\n", b"$-1\r\n", b"*-1"]
        )
        | st.integers(-(10**12), 10**12).map(lambda number: b"*%d\r\n" % number)
        | st.integers(-9, 900).map(lambda number: b"$%d\r\n" % number)
        | st.sampled_from([encode("GET", "a"), encode("SUBSCRIBE", "a"), encode("MULTI")]),
        max_size=8,
    )
)
def test_random_bytes_leave_the_front_alive(front: Front, pieces: list[bytes]) -> None:
    with connect(front) as connection:
        for piece in pieces:
            with suppress(ConnectionError):
                connection.sendall(piece)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        receive_all(connection)
    front.mark()


# Clients that are slow, half gone or gone


def test_what_a_half_closed_client_asked_for_is_answered(front: Front) -> None:
    with connect(front) as connection:
        connection.sendall(b"PING\r\n" + encode("ECHO", "last"))
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"+PONG\r\n$4\r\nlast\r\n"


def test_a_long_pipeline_before_a_half_close_is_done_to_its_end(front: Front) -> None:
    value = b"v" * 20_000
    with connect(front) as connection:
        for number in range(1000):
            connection.sendall(encode("SET", f"k{number}", value))
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"+OK\r\n" * 1000
    with closing(client_of(front)) as client:
        assert client.dbsize() == 1000


def test_half_a_command_is_never_done(front: Front, eventually: Eventually) -> None:
    with connect(front) as connection:
        connection.sendall(b"PING\r\n" + encode("SET", "a", "x" * 1000)[:-5])
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"+PONG\r\n"
    with connect(front) as connection:
        connection.sendall(encode("SET", "a", "x" * 1000)[:-5])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    eventually(lambda: all(one.closed for one in front.connections()))
    with closing(client_of(front)) as client:
        assert client.get("a") is None


def test_who_never_reads_keeps_nobody_waiting_and_gets_all_at_last(front: Front) -> None:
    with closing(client_of(front)) as client:
        client.set("large", b"x" * MB)
        before = resident(front)
        with connect(front) as lazy:
            lazy.sendall(encode("GET", "large") * 120)
            for _ in range(50):
                assert client.ping()
                assert resident(front) - before < 60 * MB
                time.sleep(0.01)
            expected = 120 * len(b"$1048576\r\n" + b"x" * MB + b"\r\n")
            received = 0
            while received < expected:
                received += len(lazy.recv(1 << 20))
            assert received == expected


def test_a_subscriber_that_never_reads_keeps_the_publisher_going(front: Front) -> None:
    with connect(front) as lazy, closing(client_of(front)) as client:
        lazy.sendall(encode("SUBSCRIBE", "news"))
        lazy.recv(100)
        for _ in range(50):
            client.publish("news", b"x" * MB)
        assert client.ping()
    assert_serves(front)


def test_clients_that_vanish_in_a_transaction_or_while_blocked(
    front: Front, eventually: Eventually
) -> None:
    for last in (encode("BLPOP", "queue", "0"), encode("MULTI") + encode("SET", "a", "1")):
        connection = connect(front)
        connection.sendall(encode("PING") + last)
        assert connection.recv(7) == b"+PONG\r\n"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        connection.close()
    eventually(lambda: all(one.closed for one in front.connections()))
    with closing(client_of(front)) as client:
        client.rpush("queue", "item")
        assert client.lrange("queue", 0, -1) == [b"item"]
        assert client.get("a") is None


# Signals

KILLED_TEST = """
import os, time

def test_it(redis_server):
    with redis_server.client() as client:
        pid = client.info("server")["process_id"]
    print("pids:", redis_server.front.pid, pid, flush=True)
    time.sleep(120)
"""


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_a_killed_pytest_leaves_no_front_and_no_server(
    kind: str,
    pytester: pytest.Pytester,
    only_nadia: None,
    clean_env: dict[str, str],
    require: Callable[[str], str],
) -> None:
    if kind == "server":
        require("redis-server")
    test = pytester.makepyfile(KILLED_TEST)
    line = [sys.executable, "-m", "pytest", "-p", "nadia", "-s", f"--nadia-redis={kind}", str(test)]
    env = {**clean_env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = next(each for each in running.stdout if "pids:" in each)
        running.kill()
    pids = [int(word) for word in told.split("pids:")[1].split()]
    wait_as_promised(lambda: all(map(is_gone, pids)))


def test_a_killed_front_takes_its_server_with_it(require: Callable[[str], str]) -> None:
    require("redis-server")
    with run_front("server") as front:
        pid = server_pid(front)
        assert not is_gone(pid)
        os.kill(front.pid, signal.SIGKILL)
        wait_as_promised(lambda: is_gone(pid))


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_the_next_front_removes_what_a_killed_one_left(
    kind: Literal["embedded", "server"],
    require: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind == "server":
        require("redis-server")
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        with run_front(kind) as front:
            os.kill(front.pid, signal.SIGKILL)
        assert list(Path(folder).iterdir())
        with run_front("embedded") as front:
            assert Path(folder, Path(front.socket_path).parent.name).exists()
            assert len(list(Path(folder).iterdir())) == 1
        assert not list(Path(folder).iterdir())


@pytest.fixture
def own_front(require: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A front of this test alone, before a real server, which waits for no order long."""
    require("redis-server")
    monkeypatch.setattr(process, "_SECONDS_TO_ANSWER", 1.0)
    with run_front("server") as front:
        yield front


def test_a_stopped_server_makes_clients_time_out_and_nobody_else(own_front: Front) -> None:
    pid = server_pid(own_front)
    with closing(client_of(own_front, socket_timeout=0.3)) as client:
        client.set("a", 1)
        with stopped(pid):
            with pytest.raises(redis.TimeoutError):
                client.get("a")
            number = own_front.add_rule(Rule(action="error", text="ERR no", on=("GET",)))
            assert own_front.rule_state(number).fired == 0
            assert own_front.remove_rule(number).seen == {}
            (record,) = (one for one in own_front.records() if one.name == "GET")
            assert record.outcome == "unanswered"
        assert client.get("a") == b"1"


def test_orders_after_one_that_was_not_answered_in_time_get_their_own_answers(
    own_front: Front, eventually: Eventually
) -> None:
    pid = server_pid(own_front)
    with stopped(pid), pytest.raises(FrontError):
        own_front.reset()

    def answers_again() -> bool:
        with suppress(FrontError):
            return own_front.rule_state(own_front.add_rule(Rule(action="info"))).seen == {}
        return False

    eventually(answers_again)
    eventually(lambda: all(one.closed for one in own_front.connections()))
    with closing(client_of(own_front)) as client:
        client.set("a", 1)
    assert [one.name for one in own_front.records() if not one.handshake] == ["SET"]


def test_a_server_that_reads_nothing_does_not_fill_the_front(own_front: Front) -> None:
    pid = server_pid(own_front)
    before = resident(own_front)
    with connect(own_front, seconds=1) as connection:
        with stopped(pid):
            sent = 0
            with suppress(TimeoutError):
                while sent < 200 * MB:
                    sent += connection.send(encode("SET", "a", b"x" * MB))
            assert resident(own_front) - before < 80 * MB
        connection.settimeout(20)


def test_a_server_that_dies_hangs_up_on_clients_and_is_told(own_front: Front) -> None:
    pid = server_pid(own_front)
    with closing(client_of(own_front)) as client:
        client.set("a", 1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(redis.ConnectionError):
            client.get("a")
    with pytest.raises(FrontError, match="gone"):
        own_front.reset()
