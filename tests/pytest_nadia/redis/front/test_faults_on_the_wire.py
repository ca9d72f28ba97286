"""What the front does to commands and replies while a fault is on."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis

from pytest_nadia.redis.wire import Rule, RuleState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.redis.process import Front

    Connect = Callable[..., Any]
    Receive = Callable[[int], list[bytes]]

LOADING = "LOADING Redis is loading the dataset in memory"


@contextmanager
def fault(front: Front, **rule: Any) -> Iterator[Callable[[], RuleState]]:
    number = front.add_rule(Rule(**rule))
    try:
        yield lambda: front.rule_state(number)
    finally:
        front.remove_rule(number)


def test_an_error_answers_the_chosen_commands_only(front: Front, connect: Connect) -> None:
    client = connect()
    client.set("k", "v")
    with fault(front, action="error", text=LOADING, on=("GET",), nth=2, times=1) as state:
        assert client.get("k") == b"v"
        with pytest.raises(redis.exceptions.BusyLoadingError):
            client.get("k")
        assert client.get("k") == b"v"
        assert client.exists("k") == 1
        assert state() == RuleState(1, {"GET": 3, "EXISTS": 1})
    assert client.get("k") == b"v"


def test_an_error_may_concern_some_keys_only(front: Front, connect: Connect) -> None:
    client = connect()
    with fault(front, action="error", text="OOM full", on=("SET",), key=b"user:*"):
        client.set("other", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("user:1", 1)


@pytest.mark.parametrize(
    ("text", "hit", "spared"),
    [
        ("READONLY no", "SET k 1", "GET k"),
        ("OOM no", "RPUSH q 1", "LPOP q"),
        (LOADING, "GET k", "INFO server"),
        ("BUSY no", "GET k", "HELLO"),
        ("NOAUTH no", "PING", "QUIT"),
    ],
)
def test_an_error_without_names_spares_what_a_server_spares(
    front: Front, plain: socket.socket, receive: Receive, text: str, hit: str, spared: str
) -> None:
    plain.sendall(b"PING\r\n")
    receive(1)
    with fault(front, action="error", text=text):
        plain.sendall(f"{hit}\r\n".encode())
        assert receive(1) == [f"-{text}".encode()]
        plain.sendall(f"{spared}\r\n".encode())
        assert not receive(1)[0].startswith(b"-")


def test_replies_keep_their_order_around_an_error(
    front: Front, plain: socket.socket, receive: Receive
) -> None:
    with fault(front, action="error", text="ERR on purpose", on=("GET",)):
        plain.sendall(b"SET a 1\r\nGET a\r\nINCR a\r\nGET a\r\nEXISTS a\r\n")
        assert receive(5) == [b"+OK", b"-ERR on purpose", b":2", b"-ERR on purpose", b":1"]


def test_an_error_in_a_transaction_aborts_it(front: Front, connect: Connect) -> None:
    client = connect()
    with (
        fault(front, action="error", text="OOM full", on=("RPUSH",)),
        client.pipeline() as pipe,
    ):
        pipe.set("a", 1)
        pipe.rpush("q", 1)
        with pytest.raises(redis.ResponseError, match=r"EXECABORT|OOM|full"):
            pipe.execute()
    assert client.exists("a", "q") == 0
    with client.pipeline() as pipe:
        assert pipe.set("a", 1).execute() == [True]


def test_a_lost_reply_belongs_to_a_command_that_was_applied(front: Front, connect: Connect) -> None:
    client = connect()
    mark = front.mark()
    with fault(front, action="lose_reply", on=("RPUSH",), times=1) as state:
        with pytest.raises(redis.ConnectionError):
            client.rpush("q", "one")
        assert client.rpush("q", "two") == 2
        assert state().fired == 1
    pushed = [one.outcome for one in front.records(mark) if one.name == "RPUSH"]
    assert pushed == ["lost", "ok"]


def test_a_lost_reply_in_a_pipeline_lets_those_before_it_through(
    front: Front, plain: socket.socket
) -> None:
    with fault(front, action="lose_reply", on=("INCR",), nth=2, times=1):
        plain.sendall(b"INCR a\r\nINCR a\r\nINCR a\r\n")
        assert b"".join(iter(lambda: plain.recv(100), b"")) == b":1\r\n"


@pytest.mark.parametrize("action", ["lose_reply", "cut_reply"])
def test_a_reply_lost_in_a_transaction_is_that_of_exec(
    front: Front, connect: Connect, action: str
) -> None:
    client = connect()
    with fault(front, action=action, on=("RPUSH",), times=1) as state:
        with client.pipeline() as pipe, pytest.raises(redis.ConnectionError):
            pipe.set("a", 1).rpush("q", "one").execute()
        assert state().fired == 1
        with client.pipeline() as pipe:
            assert pipe.rpush("q", "two").execute() == [2]


def test_down_counts_no_connection_that_nobody_used(front: Front, connect: Connect) -> None:
    connect().ping()
    front.reset()
    with fault(front, action="down") as state:
        assert state().fired == 0


def test_a_withheld_reply_withholds_all_that_follow(front: Front, connect: Connect) -> None:
    client = connect(socket_timeout=0.2, single_connection_client=True)
    connection = client.connection
    with fault(front, action="lose_reply", on=("INCR",), times=1, hang=True):
        with pytest.raises(redis.TimeoutError):
            client.incr("a")
        assert connection is not None
    assert connect().get("a") == b"1"


def test_a_cut_reply_begins_and_does_not_end(front: Front, plain: socket.socket) -> None:
    plain.sendall(b"SET k 0123456789\r\n")
    assert plain.recv(100) == b"+OK\r\n"
    with fault(front, action="cut_reply", on=("GET",)):
        plain.sendall(b"GET k\r\nGET k\r\n")
        received = b"".join(iter(lambda: plain.recv(100), b""))
    whole = b"$10\r\n0123456789\r\n"
    assert whole.startswith(received)
    assert 0 < len(received) < len(whole)


def test_a_connection_is_cut_after_some_bytes_of_replies(front: Front, connect: Connect) -> None:
    client = connect()
    client.set("k", "x" * 100)
    with fault(front, action="drop_after", size=250) as state:
        assert [client.get("k") for _ in range(2)] == [b"x" * 100] * 2
        with pytest.raises(redis.ConnectionError):
            client.get("k")
        assert state().fired == 1


def test_down_refuses_and_closes_and_comes_back_at_the_same_port(
    front: Front, connect: Connect
) -> None:
    client = connect()
    client.set("k", "v")
    with fault(front, action="down") as state:
        assert state().fired >= 1
        for _ in range(2):
            with pytest.raises(redis.ConnectionError):
                client.get("k")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((front.host, front.port))
    assert client.get("k") == b"v"


def test_hanging_accepts_and_answers_nothing_until_it_ends(front: Front, connect: Connect) -> None:
    old, new = connect(socket_timeout=0.1), connect(socket_timeout=0.1)
    old.ping()
    with fault(front, action="hang") as state:
        for client in (old, new):
            with pytest.raises(redis.TimeoutError):
                client.incr("n")
        assert state().fired >= 2
        with socket.create_connection((front.host, front.port)) as waiting:
            waiting.sendall(b"PING\r\n")
            front.remove_rule(front.add_rule(Rule(action="hang")))
            waiting.settimeout(0.1)
            with pytest.raises(TimeoutError):
                waiting.recv(10)
    assert connect().get("n") is None


def test_what_a_hang_withheld_is_answered_when_it_ends(front: Front, plain: socket.socket) -> None:
    with fault(front, action="hang"):
        plain.sendall(b"PING\r\n")
        plain.settimeout(0.1)
        with pytest.raises(TimeoutError):
            plain.recv(10)
    plain.settimeout(10)
    assert plain.recv(10) == b"+PONG\r\n"


@pytest.mark.parametrize("on", [(), ("GET",)])
def test_latency_delays_a_round_trip_once(
    front: Front, connect: Connect, on: tuple[str, ...]
) -> None:
    client = connect()
    client.set("k", "v")
    mark = front.mark()
    with fault(front, action="latency", seconds=0.05, on=on) as state:
        with client.pipeline(transaction=False) as pipe:
            pipe.set("a", 1).get("k").set("b", 1)
            assert pipe.execute() == [True, b"v", True]
        assert state().fired == 1
    slow = {one.name: one.seconds for one in front.records(mark)}
    assert slow["GET"] >= 0.05 or not on


def test_latency_keeps_a_short_patience_waiting(front: Front, connect: Connect) -> None:
    client = connect(socket_timeout=0.1)
    client.ping()
    with fault(front, action="latency", seconds=5), pytest.raises(redis.TimeoutError):
        client.ping()


def test_fields_of_info_are_replaced_and_added(front: Front, client: Any) -> None:
    with fault(front, action="info", fields={"used_memory": "210763776", "made_up": "7"}) as state:
        info = client.info()
        assert state().fired == 1
    assert (info["used_memory"], info["made_up"]) == (210763776, 7)
    assert info["role"] == "master"
    assert client.info()["used_memory"] != 210763776


def test_flapping_goes_up_and_down(
    front: Front, connect: Connect, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    client = connect()

    def is_up() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    with fault(front, action="flap", seconds=0.05, down_seconds=0.05):
        for wanted in (True, False, True, False):
            eventually(lambda wanted=wanted: is_up() is wanted)  # type: ignore[misc]
    assert client.ping()


def test_no_fault_and_no_ledger_backstage(front: Front) -> None:
    with (
        fault(front, action="error", text=LOADING) as state,
        redis.Redis(unix_socket_path=front.backstage_path) as backstage,
    ):
        assert backstage.set("a", 1)
        assert state().fired == 0


def test_a_reset_ends_every_fault(front: Front, connect: Connect) -> None:
    for action in ("down", "hang"):
        front.add_rule(Rule(action=action))
    front.reset()
    assert connect().ping()
