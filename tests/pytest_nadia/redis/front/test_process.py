"""The front as a child process: started, asked, ended, and told of when it is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from pytest_nadia.redis import process
from pytest_nadia.redis.backends.folders import SOCKET
from pytest_nadia.redis.process import Front, FrontError, run_front

if TYPE_CHECKING:
    from collections.abc import Callable

    Connect = Callable[..., Any]


def test_a_reset_empties_every_database(front: Front, connect: Connect) -> None:
    for number in (0, 3):
        connect(db=number).set("a", 1)
    front.reset()
    assert [connect(db=number).dbsize() for number in (0, 3)] == [0, 0]


def test_a_reset_undoes_what_config_set_changed(front: Front, connect: Connect) -> None:
    client = connect()
    before = client.config_get("maxmemory*")
    client.config_set("maxmemory", "1mb", "maxmemory-policy", "allkeys-lru")
    assert client.config_get("maxmemory*") != before
    front.reset()
    assert client.config_get("maxmemory*") == before


def test_a_reset_forgets_scripts(front: Front, connect: Connect) -> None:
    client = connect()
    sha = client.script_load("return 1")
    front.reset()
    assert client.script_exists(sha) == [False]


def test_what_is_written_backstage_is_emptied_too_and_in_no_ledger(
    front: Front, connect: Connect
) -> None:
    mark = front.reset()
    with redis.Redis(unix_socket_path=front.backstage_path) as backstage:
        backstage.set("a", 1)
    assert front.records(mark) == []
    assert connect().get("a") == b"1"
    front.reset()
    assert connect().get("a") is None


def test_nothing_overtakes_a_reset_that_was_only_started(front: Front, connect: Connect) -> None:
    old = connect()
    for number in range(100):
        old.set("a", number)
        emptied = front.start_reset()
        assert old.get("a") is None
        connect().set("b", number)
        assert [one.name for one in front.records(emptied()) if one.name in {"GET", "SET"}] == [
            "GET",
            "SET",
        ]


def test_who_hangs_up_during_a_reset_is_served_before(front: Front) -> None:
    with socket.create_connection((front.host, front.port)) as client:
        client.sendall(b"SET a 1\r\n" * 2000)
        emptied = front.start_reset()
        client.sendall(b"SET b 1\r\n")
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received == b"+OK\r\n" * 2001
    assert front.records(emptied())[-1].key == b"b"


def test_a_started_reset_of_a_front_that_is_gone_says_so(front: Front) -> None:
    with run_front("embedded") as mortal:
        os.kill(mortal.pid, signal.SIGSTOP)
        emptied = mortal.start_reset()
        os.kill(mortal.pid, signal.SIGKILL)
        with pytest.raises(FrontError, match="gone"):
            emptied()


def test_its_folder_has_no_socket_to_which_the_end_would_say_shutdown(front: Front) -> None:
    # Nobody would answer there any more, and the end would wait for it.
    assert not Path(front.socket_path).with_name(SOCKET).exists()


def test_advancing_expires_keys(front: Front, connect: Connect) -> None:
    client = connect()
    client.set("short", 1, ex=600)
    client.set("long", 1, ex=6000)
    client.set("for ever", 1)
    remark = front.advance(599)
    assert client.exists("short")
    front.advance(2)
    assert not client.exists("short")
    assert 5390 <= client.ttl("long") <= 5400
    assert client.ttl("for ever") == -1
    assert bool(remark) == (front.kind == "server")


def test_a_reset_takes_back_the_time_that_was_advanced(front: Front, connect: Connect) -> None:
    client = connect()
    before = client.time()[0]
    front.advance(86_400)
    front.reset()
    assert client.time()[0] - before < 3600
    client.set("k", 1)
    client.expireat("k", before + 600)
    assert client.get("k") == b"1"


def test_advancing_ends_what_blocks_on_the_embedded_redis(
    started: Callable[[str], Front], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    front = started("embedded")
    front.reset()
    with redis.Redis.from_url(front.url) as client, redis.Redis.from_url(front.url) as other:
        pubsub = other.connection_pool.get_connection()
        pubsub.send_command("BLPOP", "queue", 3600)
        eventually(lambda: client.info("clients")["blocked_clients"] == 1)
        front.advance(3599)
        assert client.info("clients")["blocked_clients"] == 1
        front.advance(2)
        assert pubsub.read_response() is None
        other.connection_pool.release(pubsub)


def test_connections_are_told_with_their_port_and_name(
    front: Front, connect: Connect, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    front.reset()
    known = {one.number for one in front.connections()}
    client = connect(client_name="worker", single_connection_client=True)
    (one,) = (one for one in front.connections() if one.number not in known)
    assert one.name == "worker"
    assert one.port == client.connection._sock.getsockname()[1]
    assert one.opened > 0
    assert one.closed == 0.0
    client.close()

    def is_closed() -> bool:
        (now,) = (found for found in front.connections() if found.number == one.number)
        return now.closed >= one.opened

    eventually(is_closed)
    front.reset()
    assert one.number not in {found.number for found in front.connections()}


def test_the_kind_and_version_are_told(front: Front, connect: Connect) -> None:
    told = connect().info("server")["redis_version"]
    assert told == ".".join(str(part) for part in front.version)
    assert front.server_name == "redis"


def test_a_version_may_be_chosen() -> None:
    with run_front(version=(7, 0, 15)) as front, redis.Redis.from_url(front.url) as client:
        assert client.info("server")["redis_version"] == "7.0.15"


def test_a_child_that_died_is_told_with_its_exit_code(
    wait_until_gone: Callable[[str], None],
) -> None:
    with run_front() as front:
        os.kill(front.pid, signal.SIGKILL)
        wait_until_gone(front.url)
        with pytest.raises(FrontError, match=r"is gone \(exit code -9\)$"):
            front.reset()


def test_a_child_that_does_not_start_is_told_with_its_last_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fails = [sys.executable, "-c", "raise SystemExit('no port is free')"]
    monkeypatch.setattr(process, "_PROGRAM", fails)
    expected = pytest.raises(FrontError, match=r"\(exit code 1\): no port is free$")
    with expected, run_front():
        raise AssertionError("it must not start")


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_no_orphan_stays_when_the_parent_is_killed(
    kind: str,
    clean_env: dict[str, str],
    wait_until_gone: Callable[[str], None],
    require: Callable[[str], str],
) -> None:
    if kind == "server":
        require("redis-server")
    parent = f"""
import os, signal
from pytest_nadia.redis.process import run_front
with run_front({kind!r}) as front:
    print(front.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    line = [sys.executable, "-c", parent]
    run = subprocess.run(line, env=clean_env, capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL
    wait_until_gone(run.stdout.strip())
