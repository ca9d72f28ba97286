"""Every test's client is as new, whatever the test before did to its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import redis

from pytest_nadia.redis.session.spare import Spare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.redis.process import Front


@pytest.fixture
def spare(front: Front) -> Iterator[Spare]:
    spare = Spare(front.url)
    yield spare
    spare.close()


def subscribe(client: Any) -> None:
    client.pubsub().subscribe("channel")


def subscribe_raw(client: Any) -> None:
    connection = client.connection_pool.get_connection()
    connection.send_command("SUBSCRIBE", "channel")
    client.connection_pool.release(connection)


def watch(client: Any) -> None:
    client.execute_command("WATCH", "a")


def open_multi(client: Any) -> None:
    client.execute_command("MULTI")


def multi_in_a_pipeline(client: Any) -> None:
    pipeline = client.pipeline(transaction=False)
    pipeline.execute_command("MULTI")
    pipeline.execute()


def select(client: Any) -> None:
    client.execute_command("SELECT", 3)


def select_in_bytes(client: Any) -> None:
    client.execute_command(b"select", 3)


def name(client: Any) -> None:
    client.client_setname("mine")


def no_replies(client: Any) -> None:
    connection = client.connection_pool.get_connection()
    connection.send_command("CLIENT", "REPLY", "OFF")
    client.connection_pool.release(connection)


def protocol(client: Any) -> None:
    client.execute_command("HELLO", 2)


def unread_reply(client: Any) -> None:
    connection = client.connection_pool.get_connection()
    connection.send_command("PING")
    client.connection_pool.release(connection)


def keep_connection(client: Any) -> None:
    client.connection_pool.get_connection()


def patch_client(client: Any) -> None:
    client.get = lambda _: b"patched"


def patch_callbacks(client: Any) -> None:
    client.set_response_callback("GET", lambda _: b"patched")


def patch_pool(client: Any) -> None:
    client.connection_pool.get_connection = lambda *_: None
    client.connection_pool.connection_kwargs["db"] = 3


def patch_connection(client: Any) -> None:
    connection = client.connection_pool.get_connection()
    connection.read_response = lambda *_, **__: b"patched"
    client.connection_pool.release(connection)


def change_connection(client: Any) -> None:
    connection = client.connection_pool.get_connection()
    connection.db = 3
    client.connection_pool.release(connection)


def close(client: Any) -> None:
    client.close()


def disconnect(client: Any) -> None:
    client.connection_pool.disconnect()


TRACES: list[Callable[[Any], None]] = [
    subscribe,
    subscribe_raw,
    watch,
    open_multi,
    multi_in_a_pipeline,
    select,
    select_in_bytes,
    name,
    no_replies,
    protocol,
    unread_reply,
    keep_connection,
    patch_client,
    patch_callbacks,
    patch_pool,
    patch_connection,
    change_connection,
    close,
    disconnect,
]


def state_of(client: Any) -> dict[str, Any]:
    """What a test can see of a fresh client."""
    return {
        "name": client.client_getname(),
        "resp": client.client_info()["resp"],
        "db": client.client_info()["db"],
        "multi": client.client_info()["multi"],
        "subscriptions": client.client_info()["sub"],
        "set": client.set("a", "1"),
        "get": client.get("a"),
        "kwargs": client.connection_pool.connection_kwargs["db"],
        "ping": client.ping(),
    }


@pytest.mark.parametrize("before", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("leave_trace", TRACES, ids=lambda trace: trace.__name__)
def test_nothing_of_one_test_is_seen_in_the_next(
    spare: Spare, leave_trace: Callable[[Any], None], before: bool
) -> None:
    fresh = state_of(spare.lend())
    spare.take_back()
    if before:
        spare.lend().ping()
        spare.take_back()
    leave_trace(spare.lend())
    spare.take_back()
    assert state_of(spare.lend()) == fresh


def ordinary(client: Any) -> None:
    client.set("a", 1)
    client.pipeline().incr("a").get("a").execute()
    client.pipeline(transaction=False).incr("a").get("a").execute()
    with pytest.raises(redis.ResponseError):
        client.lpush("a", "x")
    assert client.eval("return 1", 0) == 1


def test_the_connection_goes_on_if_nothing_was_done_to_it(spare: Spare) -> None:
    ports = set()
    for _ in range(5):
        client = spare.lend()
        ordinary(client)
        ports.add(own_port(client))
        spare.take_back()
    assert len(ports) == 1


def own_port(client: Any) -> int:
    """The port on our side: to ask the server for a number would leave traces."""
    connection = client.connection_pool.get_connection()
    try:
        port: int = connection._sock.getsockname()[1]
        return port
    finally:
        client.connection_pool.release(connection)


def test_of_several_connections_one_goes_on_and_the_others_are_closed(spare: Spare) -> None:
    client: Any = spare.lend()
    pool = client.connection_pool
    held = [pool.get_connection() for _ in range(4)]
    for connection in held:
        pool.release(connection)
    spare.take_back()
    assert sum(connection._sock is not None for connection in held) == 1
    assert spare.lend().ping()


def test_a_thread_that_a_test_left_behind_reaches_nothing(spare: Spare) -> None:
    client = spare.lend()
    client.ping()
    spare.take_back()
    said: list[BaseException] = []

    def go_on() -> None:
        try:
            client.get("a")
        except redis.ConnectionError as error:
            said.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    thread.join(20)
    assert "the test to which this client belongs is over" in str(said[0])
    assert spare.lend().ping()


@pytest.fixture
def close_all(front: Front, eventually: Callable[[Callable[[], bool]], None]) -> Callable[[], None]:
    """Makes the server close the connections of all clients."""

    def close() -> None:
        with redis.Redis(unix_socket_path=front.backstage_path) as backstage:
            backstage.client_kill_filter(_type="normal")
        eventually(lambda: all(one.closed for one in front.connections()))

    return close


def test_a_connection_that_the_server_closed_is_replaced(
    spare: Spare, close_all: Callable[[], None]
) -> None:
    spare.lend().ping()
    spare.take_back()
    close_all()
    assert spare.lend().ping()


def test_a_connection_that_the_server_closed_in_the_test_is_not_kept(
    spare: Spare, close_all: Callable[[], None]
) -> None:
    spare.lend().ping()
    close_all()
    spare.take_back()
    assert spare.socket is None


def test_a_connection_that_somebody_still_holds_is_closed(spare: Spare) -> None:
    held: Any = spare.lend().connection_pool.get_connection()
    spare.take_back()
    assert held._sock is None
    assert spare.socket is None


def test_it_gives_bytes(spare: Spare) -> None:
    client = spare.lend()
    client.set("a", "ü")
    assert client.get("a") == "ü".encode()


def test_close_leaves_no_connection(front: Front) -> None:
    spare = Spare(front.url)
    connection: Any = spare.lend().connection_pool.get_connection()
    spare.close()
    assert connection._sock is None
