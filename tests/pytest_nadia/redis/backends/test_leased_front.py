"""A front on a database of a server that others use too: nothing of theirs may be touched."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.backends.blocking import BlockingClient, Reply, encode
from pytest_nadia.redis.process import Front, FrontError, run_front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.redis.backends.spawn import RealServer

WORD = "xyl" + "ophone"
LEASE = "pytest-nadia:lease:3"


def run_in(admin: BlockingClient, database: int, *fields: str) -> Reply:
    admin.call("SELECT", str(database))
    reply = admin.call(*fields)
    admin.call("SELECT", "0")
    return reply


@pytest.fixture
def front(server: RealServer, admin: BlockingClient) -> Iterator[Front]:
    """Logged in as a user whose rights the test may change."""
    admin.call("ACL", "SETUSER", "small", "on", f">{WORD}", "+@all", "~*", "&*")
    url = f"redis://small:{WORD}@{server.host}:{server.port}/3"
    with run_front("url", url=url) as running:
        yield running


# Reset


def test_a_reset_leaves_a_database_alone_that_another_run_took(
    front: Front, admin: BlockingClient
) -> None:
    admin.call("SET", LEASE, "another run")
    run_in(admin, 3, "SET", "theirs", "1")
    for _ in range(2):
        with pytest.raises(FrontError, match=r"database 3 .* no longer leased: .*run the tests"):
            front.reset()
    assert run_in(admin, 3, "EXISTS", "theirs") == 1


def test_a_reset_empties_a_database_whose_lease_expired_and_that_nobody_took(
    front: Front, admin: BlockingClient
) -> None:
    run_in(admin, 3, "SET", "ours", "1")
    admin.call("DEL", LEASE)
    front.reset()
    assert run_in(admin, 3, "DBSIZE") == 0


def test_what_a_failed_reset_left_is_emptied_by_the_next(
    front: Front, admin: BlockingClient
) -> None:
    ours = admin.call("GET", LEASE)
    assert isinstance(ours, bytes)
    run_in(admin, 3, "SET", "ours", "1")
    admin.call("SET", LEASE, "another run")
    with pytest.raises(FrontError):
        front.reset()
    admin.call("SET", LEASE, ours)
    front.reset()
    assert run_in(admin, 3, "DBSIZE") == 0


# The login of each connection


HUNG_UP = (ConnectionResetError, BrokenPipeError)
REFUSALS = pytest.mark.parametrize(
    ("change", "error"), [("-select", "NOPERM"), ("resetpass", "WRONGPASS")]
)


@REFUSALS
def test_a_client_whose_login_is_refused_reaches_nothing(
    front: Front, admin: BlockingClient, change: str, error: str
) -> None:
    admin.call("ACL", "SETUSER", "small", change)
    for address in ((front.host, front.port), front.backstage_path):
        with BlockingClient(address, 20) as client, pytest.raises(HUNG_UP):
            client.call("SET", "a", "1")
    assert [run_in(admin, number, "EXISTS", "a") for number in (0, 3)] == [0, 0]


@REFUSALS
def test_an_order_whose_login_is_refused_reaches_nothing_and_no_test_starts(
    front: Front, admin: BlockingClient, change: str, error: str
) -> None:
    for number in (0, 3):
        run_in(admin, number, "SET", "a", "1", "PX", "1000000")
    admin.call("ACL", "SETUSER", "small", change)
    assert error in front.advance(900)
    for number in (0, 3):
        left = run_in(admin, number, "PTTL", "a")
        assert isinstance(left, int)
        assert left > 500_000
    admin.call("ACL", "SETUSER", "small", "+@all", f">{WORD}")
    with pytest.raises(FrontError, match=error):
        front.reset()


@REFUSALS
def test_a_reset_whose_login_is_refused_fails(
    front: Front, admin: BlockingClient, change: str, error: str
) -> None:
    run_in(admin, 0, "SET", "a", "1")
    admin.call("ACL", "SETUSER", "small", change)
    with pytest.raises(FrontError, match=error) as caught:
        front.reset()
    assert WORD not in str(caught.value)
    assert run_in(admin, 0, "EXISTS", "a") == 1


def received(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def test_what_a_client_sends_before_the_answer_to_its_login_follows_it(
    front: Front, admin: BlockingClient
) -> None:
    admin.call("CLIENT", "PAUSE", "300", "ALL")
    with socket.create_connection((front.host, front.port), 20) as connection:
        for number in range(3):
            connection.sendall(encode("SET", str(number), "x" * 300_000))
        connection.sendall(encode("DBSIZE"))
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == b"+OK\r\n" * 3 + b":3\r\n"
    assert run_in(admin, 3, "DBSIZE") == 3


# The end


@contextmanager
def program(url: str) -> Iterator[subprocess.Popen[str]]:
    setup = json.dumps({"kind": "url", "url": url, "version": [], "force": False})
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "pytest_nadia.redis.front.program"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NADIA_FRONT_SETUP": setup},
    ) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["error"] == ""
        yield process


def test_a_lease_that_is_given_back_is_no_news(server: RealServer, admin: BlockingClient) -> None:
    with program(f"redis://{server.host}:{server.port}/3") as process:
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0
    assert admin.call("EXISTS", LEASE) == 0


def test_a_lease_that_was_lost_is_told_at_the_end(
    server: RealServer, admin: BlockingClient
) -> None:
    with program(f"redis://{server.host}:{server.port}/3") as process:
        admin.call("SET", LEASE, "another run")
        said, error = process.communicate(timeout=20)
    assert said == ""
    assert error.count("\n") == 1
    assert "database 3 of Redis" in error
    assert "no longer leased: this run slept too long" in error


def test_a_server_that_lets_nobody_in_at_the_end_is_told(
    server: RealServer, admin: BlockingClient
) -> None:
    with program(f"redis://{server.host}:{server.port}/3") as process:
        admin.call("CONFIG", "SET", "requirepass", WORD)
        said, error = process.communicate(timeout=20)
    assert said == ""
    assert error.count("\n") == 1
    assert "wants a password" in error
