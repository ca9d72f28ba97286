from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio

from pytest_nadia.redis import command, embedded
from pytest_nadia.redis.embedded import EmbeddedRedisError, embedded_redis
from pytest_nadia.redis.server import ClientSocket, start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = [sys.executable, "-m", "pytest_nadia.redis"]
SHOW_URL = [sys.executable, "-c", "import os; print(os.environ['REDIS_URL'])"]


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(request: pytest.FixtureRequest, redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, protocol=request.param) as connected:
        yield connected


@pytest.fixture
def program(clean_env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(PROGRAM, stdin=pipe, stdout=pipe, env=clean_env, text=True) as running:
        yield running
        running.kill()


def first_line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


# Commands


def test_transactions_apply_or_are_refused(client: redis.Redis) -> None:
    with client.pipeline() as pipe:
        pipe.set("a", 1)
        pipe.incr("a")
        assert pipe.execute() == [True, 2]
        pipe.watch("a")  # type: ignore[no-untyped-call]
        client.set("a", 5)
        pipe.multi()
        pipe.set("a", 6)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert client.get("a") == b"5"


def test_long_pipelines_and_large_values_arrive_whole(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(3000):
            pipe.set(f"key:{number}", number)
        assert pipe.execute() == [True] * 3000
    large = bytes(range(256)) * 8000
    client.set("large", large)
    assert client.get("large") == large
    assert client.get("key:2999") == b"2999"


def test_lua(client: redis.Redis) -> None:
    script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert script(keys=["n"], args=[4]) == 4
    assert script(keys=["n"], args=[4]) == 8


def test_publish_and_subscribe(client: redis.Redis) -> None:
    pubsub: redis.client.PubSub = client.pubsub(  # type: ignore[no-untyped-call]
        ignore_subscribe_messages=True
    )
    with pubsub as listener:
        listener.subscribe("news")
        listener.psubscribe("n*")
        for _ in range(2):
            listener.get_message(timeout=5)
        assert client.publish("news", "hello") == 2
        received = [listener.get_message(timeout=5) for _ in range(2)]
    assert [each["data"] for each in received if each] == [b"hello", b"hello"]


def test_a_blocked_pop_is_woken_by_a_push(client: redis.Redis) -> None:
    pusher = threading.Timer(0.1, client.rpush, ("queue", "item"))
    pusher.start()
    assert tuple(client.blpop("queue", timeout=10) or ()) == (b"queue", b"item")
    pusher.join()


def test_a_blocked_pop_times_out(client: redis.Redis) -> None:
    assert client.blpop("queue", timeout=0.05) is None
    assert client.ping()


def test_a_client_that_left_while_blocked_takes_nothing(
    redis_url: str, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    with redis.Redis.from_url(redis_url) as client:

        def clients() -> int:
            return int(client.info("clients")["connected_clients"])

        before = clients()
        leaving = socket.create_connection(("127.0.0.1", urlsplit(redis_url).port))
        leaving.sendall(b"*3\r\n$5\r\nBLPOP\r\n$5\r\nqueue\r\n$1\r\n0\r\n")
        eventually(lambda: clients() == before + 1)
        # The server reads what it was sent before it is told that the sender is gone.
        leaving.close()
        eventually(lambda: clients() == before)
        client.rpush("queue", "item")
        assert client.lrange("queue", 0, -1) == [b"item"]


def another_id(client: redis.Redis) -> int:
    """After a kill: the client meets the end of the stream and reconnects, or meets a reset."""
    with suppress(redis.ConnectionError):
        return int(client.client_id())
    return int(client.client_id())


def test_a_killed_client_is_disconnected_and_others_are_not(client: redis.Redis) -> None:
    with redis.Redis.from_url("redis://", **client.connection_pool.connection_kwargs) as other:
        victim = other.client_id()
        assert client.client_kill_filter(_id=str(victim)) == 1
        assert another_id(other) != victim
    assert client.ping()


def test_a_client_may_kill_itself_and_gets_its_reply(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        me = client.client_id()
        assert client.client_kill_filter(_id=str(me), skipme=False) == 1
        assert another_id(client) != me


def test_errors_keep_their_code_on_the_wire(redis_client: redis.Redis, redis_url: str) -> None:
    redis_client.set("text", "x")
    with socket.create_connection(("127.0.0.1", urlsplit(redis_url).port)) as raw:
        raw.sendall(b"*2\r\n$4\r\nLLEN\r\n$4\r\ntext\r\n*1\r\n$4\r\nNOPE\r\n")
        received = b""
        while received.count(b"\r\n") < 2:
            received += raw.recv(4096)
    wrong_type, unknown = received.splitlines()
    assert wrong_type.startswith(b"-WRONGTYPE ")
    assert unknown.startswith(b"-ERR unknown command")


def test_what_is_not_the_protocol_is_refused_and_the_server_lives(
    redis_client: redis.Redis, redis_url: str
) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(redis_url).port)) as raw:
        raw.sendall(b"*x\r\n")
        reply = b"".join(iter(lambda: raw.recv(4096), b""))
    assert reply.startswith(b"-ERR ")
    assert redis_client.ping()


def test_a_command_that_breaks_fakeredis_breaks_nothing_else(
    monkeypatch: pytest.MonkeyPatch, run_async: Callable[..., list[bytes]]
) -> None:
    def broken(self: ClientSocket, *sections: bytes) -> bytes:
        raise IndexError("pop from\nempty list")

    async def talk() -> list[bytes]:
        server, url = await start_server()
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"*1\r\n$4\r\nINFO\r\n*1\r\n$4\r\nPING\r\n")
        replies = [await reader.readline() for _ in range(2)]
        writer.close()
        await writer.wait_closed()
        server.close()
        return replies

    monkeypatch.setattr(ClientSocket, "info", broken)
    assert run_async(talk()) == [
        b"-ERR the embedded Redis failed: IndexError: pop from empty list\r\n",
        b"+PONG\r\n",
    ]


def test_asynchronous_clients(redis_url: str, run_async: Callable[..., None]) -> None:
    async def pop(client: redis.asyncio.Redis) -> Any:
        item: Any = await client.blpop(["queue"], timeout=10)
        return item[1]

    async def talk() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            async with client.pipeline() as pipe:
                pipe.set("a", 1)
                pipe.incr("a")
                assert await pipe.execute() == [True, 2]
            pops = [asyncio.create_task(pop(client)) for _ in range(3)]
            await asyncio.sleep(0.05)
            await client.rpush("queue", "a", "b", "c")
            assert sorted(await asyncio.gather(*pops)) == [b"a", b"b", b"c"]

    run_async(talk())


# INFO


def test_info_tells_what_health_checks_read(client: redis.Redis) -> None:
    client.set("a", 1)
    client.set("b", 1, ex=60)
    info = client.info()
    expected = {
        "maxmemory": 0,
        "loading": 0,
        "rdb_last_bgsave_status": "ok",
        "aof_last_write_status": "ok",
        "role": "master",
        "db0": {"keys": 2, "expires": 1, "avg_ttl": 0},
    }
    assert expected.items() <= info.items()
    assert info["redis_version"].split(".")[0].isdigit()
    assert info["connected_clients"] >= 1
    assert info["uptime_in_seconds"] >= 0
    assert info["used_memory_human"].endswith("M")


def test_info_gives_the_sections_that_were_asked_for(client: redis.Redis) -> None:
    assert set(client.info("MEMORY")) == {"used_memory", "used_memory_human", "maxmemory"}
    assert set(client.info("memory", "replication")) > {"role", "used_memory"}
    assert client.info("no-such-section") == {}
    assert "role" in client.info("everything")


def test_used_memory_follows_what_is_stored(client: redis.Redis) -> None:
    before = client.info("memory")["used_memory"]
    client.set("large", b"x" * 30_000_000)
    assert client.info("memory")["used_memory"] - before > 25_000_000


# The program


def test_the_program_serves_until_its_input_closes(
    program: subprocess.Popen[str], answers: Callable[[str], bool]
) -> None:
    url = first_line(program)
    assert answers(url)
    program.communicate(timeout=20)
    assert program.returncode == 0
    assert not answers(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_on_a_signal(
    program: subprocess.Popen[str], number: signal.Signals, answers: Callable[[str], bool]
) -> None:
    url = first_line(program)
    program.send_signal(number)
    assert program.wait(timeout=20) == 0
    assert not answers(url)


def test_a_command_gets_the_url(clean_env: dict[str, str]) -> None:
    run = subprocess.run(
        [*PROGRAM, "--", *SHOW_URL], env=clean_env, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("redis://127.0.0.1:")
    assert run.stdout.endswith("/0\n")
    assert run.stderr == ""


def run_command(clean_env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [*PROGRAM, *arguments]
    return subprocess.run(line, env=clean_env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", 137),
    ],
)
def test_the_exit_code_is_the_commands(clean_env: dict[str, str], code: str, status: int) -> None:
    assert run_command(clean_env, "--", sys.executable, "-c", code).returncode == status


def test_arguments_after_the_command_are_its_own(clean_env: dict[str, str]) -> None:
    show = "import sys; print(sys.argv[1:])"
    run = run_command(clean_env, "--", sys.executable, "-c", show, "--help", "--", "x")
    assert run.stdout == "['--help', '--', 'x']\n"


def test_termination_is_passed_on_to_the_command(clean_env: dict[str, str]) -> None:
    wait = "import time; print('ready', flush=True); time.sleep(60)"
    line = [*PROGRAM, "--", sys.executable, "-c", wait]
    with subprocess.Popen(line, env=clean_env, stdout=subprocess.PIPE, text=True) as running:
        assert first_line(running) == "ready"
        running.terminate()
        assert running.wait(timeout=20) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--"], "a command must follow --"),
        (["pytest"], "unrecognized arguments: pytest"),
        (["--", "/no/such/program"], "cannot run /no/such/program: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    clean_env: dict[str, str], arguments: list[str], problem: str
) -> None:
    run = run_command(clean_env, *arguments)
    assert run.returncode == 2
    assert problem in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_help_explains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    shown = capsys.readouterr().out
    assert "REDIS_URL" in shown
    assert "-- COMMAND ARG..." in shown


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fakeredis", None)
    assert command.main([]) == 2
    assert capsys.readouterr().err == (
        "the embedded Redis needs fakeredis, not installed here: pip install 'pytest-nadia[all]'\n"
    )


# The child process


def test_reset_empties_every_database(answers: Callable[[str], bool]) -> None:
    with embedded_redis() as server:
        databases = [f"{server.url[:-1]}{number}" for number in (0, 3)]
        for database in databases:
            with redis.Redis.from_url(database) as client:
                client.set("a", 1)
                assert set(client.info("keyspace")) <= {"db0", "db3"}
        server.reset()
        for database in databases:
            with redis.Redis.from_url(database) as client:
                assert client.dbsize() == 0
    assert not answers(server.url)


def test_a_child_that_died_is_told_with_its_exit_code(
    wait_until_gone: Callable[[str], None],
) -> None:
    with embedded_redis() as server:
        with redis.Redis.from_url(server.url) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        wait_until_gone(server.url)
        with pytest.raises(EmbeddedRedisError, match=r"is gone \(exit code -9\)$"):
            server.reset()


def test_a_child_that_does_not_start_is_told_with_its_last_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fails = [sys.executable, "-c", "raise SystemExit('no port is free')"]
    monkeypatch.setattr(embedded, "_PROGRAM", fails)
    expected = pytest.raises(EmbeddedRedisError, match=r"\(exit code 1\): no port is free$")
    with expected, embedded_redis():
        raise AssertionError("it must not start")


def test_a_child_that_does_not_stop_is_killed(
    monkeypatch: pytest.MonkeyPatch, answers: Callable[[str], bool]
) -> None:
    stubborn = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(f"redis://127.0.0.1:{server.getsockname()[1]}/0", flush=True)
time.sleep(60)
"""
    monkeypatch.setattr(embedded, "_PROGRAM", [sys.executable, "-c", stubborn])
    monkeypatch.setattr(embedded, "_SECONDS_TO_STOP", 0.1)
    monkeypatch.setattr(embedded, "_SECONDS_TO_ANSWER", 0.1)
    expected = pytest.raises(EmbeddedRedisError, match="still runs but does not answer")
    with embedded_redis() as server, expected:
        server.reset()
    assert not answers(server.url)


def test_no_orphan_stays_when_the_parent_is_killed(
    clean_env: dict[str, str], wait_until_gone: Callable[[str], None]
) -> None:
    parent = """
import os, signal
from pytest_nadia.redis.embedded import embedded_redis
with embedded_redis() as server:
    print(server.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    line = [sys.executable, "-c", parent]
    run = subprocess.run(line, env=clean_env, capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL
    wait_until_gone(run.stdout.strip())
