from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.backends import login, scripts
from pytest_nadia.redis.backends.blocking import BlockingClient, Reply, encode
from pytest_nadia.redis.backends.errors import BackendError
from pytest_nadia.redis.backends.lease import Lease, take_lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_nadia.redis.backends.spawn import RealServer

    ServerWith = Callable[[str], AbstractContextManager[RealServer]]

WORD = "xyl" + "ophone"

HOLDER = """
import sys
from pytest_nadia.redis.backends import scripts
from pytest_nadia.redis.backends.blocking import BlockingClient
from pytest_nadia.redis.backends.errors import BackendError
from pytest_nadia.redis.backends.lease import take_lease
url, milliseconds = sys.argv[1:]
scripts.LEASE_MILLISECONDS = int(milliseconds)
sys.stdin.readline()
try:
    lease = take_lease(url)
except BackendError as error:
    print(error, flush=True)
    raise SystemExit(1)
with BlockingClient(lease.target.address, 20) as client:
    for fields in [*lease.opening_commands(), (b"SET", b"mine", b"1")]:
        client.call(*fields)
    print(lease.database, flush=True)
    sys.stdin.readline()
"""


def url_of(server: RealServer, database: int | None = None, user: str = "") -> str:
    path = "" if database is None else f"/{database}"
    return f"redis://{user}{server.host}:{server.port}{path}"


def run_in(client: BlockingClient, database: int, *fields: str) -> Reply:
    assert client.call("SELECT", str(database)) == b"OK"
    reply = client.call(*fields)
    client.call("SELECT", "0")
    return reply


def marks(client: BlockingClient) -> set[bytes]:
    keys = client.call("KEYS", "*")
    assert isinstance(keys, list)
    return {key for key in keys if isinstance(key, bytes)}


def refusal(url: str, force: bool = False) -> str:
    with pytest.raises(BackendError) as caught:
        take_lease(url, force)
    text = str(caught.value)
    assert "\n" not in text
    assert WORD not in text
    return text


def holder(url: str, milliseconds: int, env: dict[str, str]) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", HOLDER, url, str(milliseconds)]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdin=pipe, stdout=pipe, env=env, text=True)


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# Taking and giving back


def test_the_first_free_database_but_never_0(server: RealServer) -> None:
    leases = [take_lease(url_of(server)) for _ in range(3)]
    assert [lease.database for lease in leases] == [1, 2, 3]
    assert leases[1].release() == ""
    assert take_lease(url_of(server)).database == 2


def test_the_database_of_the_url(server: RealServer) -> None:
    assert take_lease(url_of(server, 7)).database == 7
    assert take_lease(f"unix://{server.socket_path}?db=8").database == 8


def test_the_lease_knows_the_server(server: RealServer) -> None:
    lease = take_lease(url_of(server))
    assert (lease.name, lease.version) == (server.name, server.version)
    assert lease.opening_commands() == [[b"SELECT", b"1"]]
    assert lease.address == (server.host, server.port)


def test_the_address_is_found_out_once(server: RealServer) -> None:
    assert take_lease(f"redis://localhost:{server.port}").address == (server.host, server.port)
    lease = take_lease(f"unix://{server.socket_path}")
    assert lease.address == server.socket_path


def test_a_lease_expires_by_itself_and_names_its_run(
    server: RealServer, admin: BlockingClient
) -> None:
    take_lease(url_of(server))
    left = admin.call("PTTL", "pytest-nadia:lease:1")
    assert isinstance(left, int)
    assert 20_000 < left <= 30_000
    assert socket.gethostname() in refusal(url_of(server, 1))


def test_a_released_database_is_empty_and_leaves_no_mark(
    server: RealServer, admin: BlockingClient
) -> None:
    lease = take_lease(url_of(server))
    run_in(admin, 1, "SET", "a", "1")
    assert lease.release() == ""
    assert run_in(admin, 1, "DBSIZE") == 0
    assert marks(admin) == set()


def test_nothing_but_the_leased_database_is_emptied(
    server: RealServer, admin: BlockingClient
) -> None:
    for number in (0, 2, 15):
        run_in(admin, number, "SET", "theirs", "1")
    lease = take_lease(url_of(server))
    run_in(admin, lease.database, "SET", "ours", "1")
    lease.release()
    assert [run_in(admin, number, "DBSIZE") for number in (0, 1, 2, 15)] == [1, 0, 1, 1]


def test_a_released_lease_that_is_no_longer_ours_touches_nothing(
    server: RealServer, admin: BlockingClient
) -> None:
    lost = take_lease(url_of(server))
    admin.call("DEL", "pytest-nadia:lease:1")
    theirs = take_lease(url_of(server))
    run_in(admin, 1, "SET", "theirs", "1")
    assert theirs.database == 1
    assert "no longer leased: this run slept too long" in lost.release()
    assert run_in(admin, 1, "DBSIZE") == 1
    assert theirs.release() == ""


# Renewal


def renewed(lease: Lease) -> str:
    """As the front does it: the bytes on one of its connections, which has its own database."""
    address = lease.target.address
    assert not isinstance(address, str)
    with socket.create_connection(address, 20) as connection:
        for fields in lease.opening_commands():
            connection.sendall(encode(*fields))
            connection.recv(100)
        connection.sendall(lease.renewal_commands())
        reply = connection.recv(1000)
        connection.sendall(encode("SET", "still", "here"))
        assert connection.recv(100) == b"+OK\r\n"
    return lease.problem(reply)


def test_a_renewal_puts_the_expiry_off_and_leaves_the_connection_as_it_was(
    server: RealServer, admin: BlockingClient
) -> None:
    lease = take_lease(url_of(server))
    admin.call("PEXPIRE", "pytest-nadia:lease:1", "5000")
    assert renewed(lease) == ""
    left = admin.call("PTTL", "pytest-nadia:lease:1")
    assert isinstance(left, int)
    assert left > 20_000
    assert run_in(admin, 1, "GET", "still") == b"here"
    lease.renew()


def test_an_expired_lease_that_nobody_took_goes_on(
    server: RealServer, admin: BlockingClient
) -> None:
    lease = take_lease(url_of(server))
    admin.call("DEL", "pytest-nadia:lease:1")
    assert renewed(lease) == ""
    assert "is leased by" in refusal(url_of(server, 1))


def test_an_expired_lease_that_another_run_took_is_lost(
    server: RealServer, admin: BlockingClient
) -> None:
    lease = take_lease(url_of(server))
    admin.call("DEL", "pytest-nadia:lease:1")
    other = take_lease(url_of(server))
    assert "another one took it" in renewed(lease)
    other.release()
    assert "another one took it" in renewed(lease)
    with pytest.raises(BackendError, match="no longer leased: this run slept too long"):
        lease.renew()


def test_an_error_in_answer_to_a_renewal_is_shown(server: RealServer) -> None:
    lease = take_lease(url_of(server))
    problem = lease.problem(b"-OOM command not allowed\r\n")
    assert problem.endswith("is no longer leased: it answered -OOM command not allowed")


# Keys of others, and of killed runs


def test_a_database_with_keys_of_others_is_refused_until_forced(
    server: RealServer, admin: BlockingClient
) -> None:
    run_in(admin, 3, "SET", "theirs", "1")
    assert refusal(url_of(server, 3)) == (
        f"database 3 of Redis at 127.0.0.1:{server.port} holds 1 key that no test run left "
        "there: name an empty one, or pass --nadia-redis-force to have it emptied"
    )
    assert run_in(admin, 3, "DBSIZE") == 1
    assert b"pytest-nadia:lease:3" not in marks(admin)
    assert take_lease(url_of(server, 3), force=True).database == 3
    assert run_in(admin, 3, "DBSIZE") == 0


def test_without_a_number_databases_with_keys_are_passed_over_even_by_force(
    server: RealServer, admin: BlockingClient
) -> None:
    run_in(admin, 1, "SET", "theirs", "1")
    assert take_lease(url_of(server), force=True).database == 2
    assert run_in(admin, 1, "DBSIZE") == 1


def test_force_does_not_take_a_leased_database(server: RealServer) -> None:
    take_lease(url_of(server, 3))
    assert "is leased by" in refusal(url_of(server, 3), force=True)


@pytest.mark.slow
def test_the_database_of_a_killed_run_is_free_and_known_as_ours_after_expiry(
    server: RealServer,
    admin: BlockingClient,
    clean_env: dict[str, str],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    with holder(url_of(server, 1), 3000, clean_env) as process:
        begin(process)
        assert said(process) == "1"
        process.send_signal(signal.SIGKILL)
    assert "is leased by" in refusal(url_of(server, 1))
    eventually(lambda: admin.call("EXISTS", "pytest-nadia:lease:1") == 0)
    assert run_in(admin, 1, "DBSIZE") == 1
    assert take_lease(url_of(server)).database == 1
    assert run_in(admin, 1, "DBSIZE") == 0


@pytest.mark.slow
def test_processes_that_race_never_get_the_same_database(
    server: RealServer, clean_env: dict[str, str]
) -> None:
    with ExitStack() as stack:
        racing = [stack.enter_context(holder(url_of(server), 30_000, clean_env)) for _ in range(18)]
        for process in racing:
            begin(process)
        got = [said(process) for process in racing]
        for process in racing:
            process.communicate("\n", timeout=60)
    assert sorted(int(text) for text in got if text.isdigit()) == list(range(1, 16))
    refused = [text for text in got if not text.isdigit()]
    assert len(refused) == 3
    assert all("15 are leased by other runs, 0 hold keys of others" in text for text in refused)


def test_threads_that_race_for_one_database_get_it_once(server: RealServer) -> None:
    outcomes: list[str] = []

    def race() -> None:
        try:
            outcomes.append(str(take_lease(url_of(server, 5)).database))
        except BackendError:
            outcomes.append("refused")

    racing = [threading.Thread(target=race) for _ in range(12)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    assert sorted(outcomes) == ["5", *["refused"] * 11]


# Servers that do not fit


def test_database_0_is_never_given() -> None:
    assert "leave the number out of the URL" in refusal("redis://localhost:1/0")


def test_a_number_that_the_server_does_not_have(server: RealServer) -> None:
    expected = f"Redis at 127.0.0.1:{server.port} has no database 16: leave the number out"
    assert refusal(url_of(server, 16)).startswith(expected)
    assert "has no database 9999999999" in refusal(url_of(server, 9999999999))


def test_a_server_with_one_database(server_with: ServerWith) -> None:
    with server_with("--databases 1") as server:
        assert "has one database only" in refusal(url_of(server))


def test_all_databases_taken(server_with: ServerWith) -> None:
    with server_with("--databases 3") as server, BlockingClient(server.socket_path, 20) as admin:
        take_lease(url_of(server))
        run_in(admin, 2, "SET", "theirs", "1")
        expected = "1 are leased by other runs, 1 hold keys of others: raise its `databases`"
        assert expected in refusal(url_of(server))


def test_cluster_mode(server_with: ServerWith) -> None:
    with server_with("--cluster-enabled yes --cluster-port 1") as server:
        assert "runs in cluster mode" in refusal(url_of(server))


def test_a_replica(server: RealServer, admin: BlockingClient) -> None:
    admin.call("REPLICAOF", "127.0.0.1", "1")
    assert "is a read-only replica: give its primary" in refusal(url_of(server))


# Passwords and rights


@pytest.fixture
def locked(server: RealServer, admin: BlockingClient) -> RealServer:
    """A server that wants a password."""
    admin.call("CONFIG", "SET", "requirepass", WORD)
    return server


def test_the_password_is_used(locked: RealServer) -> None:
    lease = take_lease(url_of(locked, user=f":{WORD}@"))
    assert lease.opening_commands() == [[b"AUTH", WORD.encode()], [b"SELECT", b"1"]]
    assert renewed(lease) == ""
    assert lease.release() == ""
    assert WORD not in repr(lease)


def test_no_password_where_one_is_wanted(locked: RealServer) -> None:
    assert "wants a password: write it into the URL" in refusal(url_of(locked))


def test_a_wrong_password(locked: RealServer) -> None:
    text = refusal(url_of(locked, user=f":{WORD}{WORD}@"))
    assert "does not accept the user and password of the URL" in text


def test_a_password_where_none_is_wanted(server: RealServer) -> None:
    assert take_lease(url_of(server, user=f"default:{WORD}@")).database == 1
    text = refusal(url_of(server, user=f":{WORD}@"))
    assert "does not accept the user and password of the URL" in text
    assert text.endswith("as it has no password set: leave it out of the URL")


@pytest.mark.parametrize(
    "rights",
    [
        ["+@all", "-eval", "~*"],
        ["+@all", "-select", "~*"],
        ["+@all", "-flushdb", "~*"],
        ["+@all", "~app:*"],
        ["+@read", "~*"],
    ],
    ids=lambda rights: " ".join(rights),
)
def test_a_user_without_the_rights(
    server: RealServer, admin: BlockingClient, rights: list[str]
) -> None:
    assert admin.call("ACL", "SETUSER", "small", "on", f">{WORD}", *rights) == b"OK"
    run_in(admin, 1, "SET", "left", "1")
    admin.call("SET", "pytest-nadia:dirty:1", "by a killed run")
    text = refusal(url_of(server, 1, user=f"small:{WORD}@"))
    assert "does not let this user lease a database" in text
    assert run_in(admin, 1, "DBSIZE") == 1


def test_a_user_who_may_not_read_the_settings(server: RealServer, admin: BlockingClient) -> None:
    rights = ["+@all", "-info", "-config", "-ping", "~*"]
    assert admin.call("ACL", "SETUSER", "small", "on", f">{WORD}", *rights) == b"OK"
    lease = take_lease(url_of(server, user=f"small:{WORD}@"))
    assert (lease.database, lease.name, lease.version) == (1, "redis", ())
    assert lease.release() == ""


# What is no server


@contextmanager
def answering(reply: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port that gives one answer to whatever it is sent, and closes; and what it was sent."""
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received.append(connection.recv(1000))
                connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1], received
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"\x15\x03\x03\x00\x02\x02\x46", r"\x15\x03\x03"),
        (b"220 mail.example ESMTP\r\n", "220 mail.example"),
        (b"*x\r\n", "*x"),
        (b"*1\r\n$4\r\nPING\r\n", "PING"),
        (b"+QUEUED\r\n", "QUEUED"),
        (b"\r\n", "''"),
    ],
)
def test_a_port_where_something_else_answers(reply: bytes, said: str) -> None:
    with answering(reply) as (port, received):
        text = refusal(f"redis://:{WORD}@127.0.0.1:{port}")
        assert f"what answers at 127.0.0.1:{port} is no Redis without TLS (it said" in text
        assert said in text
        assert WORD.encode() not in b"".join(received)


def test_a_port_that_closes_at_once() -> None:
    with answering(b"") as (port, _):
        assert "closed the connection without an answer" in refusal(f"redis://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"-LOADING Redis is loading\r\n", "it answered LOADING Redis is loading: correct that"),
        (b"-ERR max number of clients reached\r\n", "it answered ERR max number of clients"),
        (b"-DENIED protected mode\r\n", "it answered DENIED protected mode"),
    ],
)
def test_a_server_that_refuses_to_talk(reply: bytes, said: str) -> None:
    with answering(reply) as (port, _):
        assert said in refusal(f"redis://127.0.0.1:{port}")


def test_a_server_that_echoes_the_password_in_an_error() -> None:
    with answering(f"-ERR no {WORD} here\r\n".encode()) as (port, _):
        assert "no *** here" in refusal(f"redis://:{WORD}@127.0.0.1:{port}")


def test_a_port_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_SECONDS_TO_ANSWER", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        assert "did not answer within 0.2 s" in refusal(f"redis://127.0.0.1:{port}")


def test_an_answer_that_drips_does_not_outlast_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_SECONDS_TO_ANSWER", 0.3)
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(100):
                if ended.wait(0.05):
                    return
                connection.send(b"+")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        began = time.monotonic()
        text = refusal(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        ended.set()
        dripping.join()
    assert "did not answer within 0.3 s" in text
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (
            "redis://127.0.0.1:1",
            "cannot connect to Redis at 127.0.0.1:1: Connection refused",
        ),
        ("redis://no-such-host.invalid", "cannot connect to Redis at no-such-host.invalid:6379: "),
        ("unix:///no/such/socket", "cannot connect to Redis at /no/such/socket: No such file"),
        ("unix:///" + "x" * 200, "cannot connect to Redis at /xxx"),
    ],
)
def test_a_server_that_is_not_reached(url: str, reason: str) -> None:
    text = refusal(url)
    assert text.startswith(reason)
    assert text.endswith(": start it, or pass --nadia-redis=server")


def test_the_expiry_leaves_room_for_two_missed_renewals() -> None:
    from pytest_nadia.redis.backends.lease import RENEWAL_SECONDS

    assert scripts.LEASE_MILLISECONDS >= 3 * RENEWAL_SECONDS * 1000
