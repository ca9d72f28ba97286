"""A client's way through the front, before the embedded data and before a real server."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.process import Front

    Connect = Callable[..., Any]
    Receive = Callable[[int], list[bytes]]


def test_transactions_apply_or_are_refused(client: Any) -> None:
    with client.pipeline() as pipe:
        pipe.set("a", 1)
        pipe.incr("a")
        assert pipe.execute() == [True, 2]
        pipe.watch("a")
        client.set("a", 5)
        pipe.multi()
        pipe.set("a", 6)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert client.get("a") == b"5"


def test_long_pipelines_and_large_values_arrive_whole(client: Any) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(3000):
            pipe.set(f"key:{number}", number)
        assert pipe.execute() == [True] * 3000
    large = bytes(range(256)) * 8000
    client.set("large", large)
    assert client.get("large") == large
    assert client.get("key:2999") == b"2999"


def test_lua(client: Any) -> None:
    script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert script(keys=["n"], args=[4]) == 4
    assert script(keys=["n"], args=[4]) == 8


def test_publish_and_subscribe(client: Any) -> None:
    pubsub: redis.client.PubSub = client.pubsub(ignore_subscribe_messages=True)
    with pubsub as listener:
        listener.subscribe("news")
        listener.psubscribe("n*")
        for _ in range(2):
            listener.get_message(timeout=5)
        assert client.publish("news", "hello") == 2
        received = [listener.get_message(timeout=5) for _ in range(2)]
    assert [each["data"] for each in received if each] == [b"hello", b"hello"]


def test_a_blocked_pop_is_woken_by_a_push(client: Any) -> None:
    pusher = threading.Timer(0.1, client.rpush, ("queue", "item"))
    pusher.start()
    assert tuple(client.blpop("queue", timeout=10) or ()) == (b"queue", b"item")
    pusher.join()


def test_a_blocked_pop_times_out(client: Any) -> None:
    assert client.blpop("queue", timeout=0.05) is None
    assert client.ping()


def clients(client: Any) -> int:
    return int(client.info("clients")["connected_clients"])


def test_a_client_that_left_while_blocked_takes_nothing(
    connect: Connect, front: Front, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    client = connect()
    before = clients(client)
    leaving = socket.create_connection((front.host, front.port))
    leaving.sendall(b"*3\r\n$5\r\nBLPOP\r\n$5\r\nqueue\r\n$1\r\n0\r\n")
    eventually(lambda: clients(client) == before + 1)
    # The server reads what it was sent before it is told that the sender is gone.
    leaving.close()
    eventually(lambda: clients(client) == before)
    client.rpush("queue", "item")
    assert client.lrange("queue", 0, -1) == [b"item"]


def test_blocked_clients_are_served_in_the_order_in_which_they_came(
    connect: Connect, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    client = connect()
    served: list[int] = []

    def wait(number: int) -> None:
        connect().blpop("queue", timeout=10)
        served.append(number)

    waiting = []
    for number in range(4):
        waiting.append(threading.Thread(target=wait, args=(number,)))
        waiting[-1].start()
        eventually(lambda: int(client.info("clients")["blocked_clients"]) == len(waiting))
    for number in range(4):
        client.rpush("queue", "item")
        eventually(lambda number=number: len(served) == number + 1)  # type: ignore[misc]
    for thread in waiting:
        thread.join()
    assert served == [0, 1, 2, 3]


def test_a_blocked_client_is_served_before_the_next_command(
    plain: socket.socket,
    connect: Connect,
    eventually: Callable[[Callable[[], bool]], None],
    receive: Receive,
) -> None:
    client = connect()
    plain.sendall(b"BLPOP queue 5\r\n")
    eventually(lambda: int(client.info("clients")["blocked_clients"]) == 1)
    with client.pipeline(transaction=False) as pipe:
        pipe.rpush("queue", "item").lpop("queue")
        assert pipe.execute() == [1, None]
    assert receive(5) == [b"*2", b"$5", b"queue", b"$4", b"item"]


def another_id(client: Any) -> int:
    """After a kill: the client meets the end of the stream and reconnects, or meets a reset."""
    with suppress(redis.ConnectionError):
        return int(client.client_id())
    return int(client.client_id())


def test_a_killed_client_is_disconnected_and_others_are_not(client: Any, connect: Connect) -> None:
    other = connect()
    victim = other.client_id()
    assert client.client_kill_filter(_id=str(victim)) == 1
    assert another_id(other) != victim
    assert client.ping()


def test_a_client_may_kill_itself_and_gets_its_reply(connect: Connect) -> None:
    client = connect()
    me = client.client_id()
    assert client.client_kill_filter(_id=str(me), skipme=False) == 1
    assert another_id(client) != me


def test_errors_keep_their_code_on_the_wire(
    connect: Connect, plain: socket.socket, receive: Receive
) -> None:
    connect().set("text", "x")
    plain.sendall(b"LLEN text\r\nNOPE\r\n")
    wrong_type, unknown = receive(2)
    assert wrong_type.startswith(b"-WRONGTYPE ")
    assert unknown.startswith(b"-ERR unknown command")


def test_what_is_not_the_protocol_is_refused_and_the_server_lives(
    connect: Connect, plain: socket.socket
) -> None:
    plain.sendall(b"*x\r\nPING\r\n")
    reply = b"".join(iter(lambda: plain.recv(4096), b""))
    assert reply == b"-ERR Protocol error: invalid multibulk length\r\n"
    assert connect().ping()


def test_what_was_asked_before_the_client_stopped_sending_is_answered(
    plain: socket.socket,
) -> None:
    plain.sendall(b"SET k v\r\nGET k\r\n")
    plain.shutdown(socket.SHUT_WR)
    assert b"".join(iter(lambda: plain.recv(4096), b"")) == b"+OK\r\n$1\r\nv\r\n"


def test_replies_may_be_switched_off(plain: socket.socket, receive: Receive) -> None:
    plain.sendall(b"CLIENT REPLY OFF\r\nSET a 1\r\nCLIENT REPLY ON\r\n")
    plain.sendall(b"CLIENT REPLY SKIP\r\nSET a 2\r\nGET a\r\n")
    assert receive(3) == [b"+OK", b"$1", b"2"]


def test_asynchronous_clients(front: Front, run_async: Callable[..., None]) -> None:
    async def pop(client: redis.asyncio.Redis) -> Any:
        item: Any = await client.blpop(["queue"], timeout=10)
        return item[1]

    async def talk() -> None:
        async with redis.asyncio.Redis.from_url(front.url) as client:
            async with client.pipeline() as pipe:
                pipe.set("a", 1)
                pipe.incr("a")
                assert await pipe.execute() == [True, 2]
            pops = [asyncio.create_task(pop(client)) for _ in range(3)]
            await asyncio.sleep(0.05)
            await client.rpush("queue", "a", "b", "c")
            assert sorted(await asyncio.gather(*pops)) == [b"a", b"b", b"c"]

    run_async(talk())


def test_a_unix_socket_serves_as_the_port_does(front: Front, connect: Connect) -> None:
    connect().set("a", 1)
    with redis.Redis(unix_socket_path=front.socket_path) as client:
        assert client.get("a") == b"1"


@pytest.mark.parametrize("size", [1, 100, 5_000_000])
def test_a_value_of_any_size_and_content_survives(connect: Connect, size: int) -> None:
    client = connect()
    value = (b"\r\n$1\r\n+*\0\xff" * (size // 9 + 1))[:size]
    client.set(b"\r\n", value)
    assert client.get(b"\r\n") == value
