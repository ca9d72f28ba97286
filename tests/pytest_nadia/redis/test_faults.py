"""Faults, as a test uses them: what they do to a client, and that they do not go unnoticed."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from pytest_nadia.redis.faults import GB, KB, MB, RedisFaults, UnfiredFaultError
from pytest_nadia.redis.process import run_front

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from pytest_nadia.redis.process import Front


def plain(front: Front, **options: Any) -> redis.Redis:
    """A client that neither retries nor waits for long."""
    settings: dict[str, Any] = {"socket_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
    return redis.Redis.from_url(front.url, **settings | options)


@pytest.fixture
def faults(front: Front) -> RedisFaults:
    return RedisFaults(front)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(front: Front, request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    with plain(front, protocol=request.param) as one:
        one.set("text", "x")
        yield one


# Connections


def test_down_closes_and_refuses(faults: RedisFaults, client: redis.Redis, front: Front) -> None:
    with faults.down() as fault:
        with pytest.raises(redis.ConnectionError):
            client.get("text")
        with socket.socket() as raw:
            assert raw.connect_ex((front.host, front.port)) != 0
        with socket.socket(socket.AF_UNIX) as raw:
            assert raw.connect_ex(front.socket_path) != 0
        assert fault.fired >= 1
    assert client.get("text") == b"x"


@pytest.mark.parametrize("blocking", [True, False])
def test_down_fires_for_a_client_that_connects_only_then(
    faults: RedisFaults, front: Front, blocking: bool
) -> None:
    with faults.down() as fault:
        with socket.socket() as raw:
            raw.setblocking(blocking)
            assert raw.connect_ex((front.host, front.port)) != 0
        assert fault.fired == 1


def test_hang_accepts_and_never_answers(
    faults: RedisFaults, client: redis.Redis, front: Front
) -> None:
    with faults.hang() as fault:
        with pytest.raises(redis.TimeoutError):
            client.get("text")
        with plain(front) as other, pytest.raises(redis.TimeoutError):
            other.ping()
        assert fault.fired >= 2
    assert client.get("text") == b"x"


def test_what_waits_when_a_hang_ends_is_answered(faults: RedisFaults, front: Front) -> None:
    answers: list[Any] = []
    with plain(front, socket_timeout=20) as patient:
        patient.ping()
        waiting = threading.Thread(target=lambda: answers.append(patient.incr("n")))
        with faults.hang() as fault:
            waiting.start()
            wait_for(lambda: fault.fired > 0)
            assert answers == []
        waiting.join(20)
        assert answers == [1]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def test_what_is_late_when_a_latency_ends_is_still_answered(
    faults: RedisFaults, front: Front
) -> None:
    answers: list[Any] = []
    with plain(front, socket_timeout=20) as patient:
        patient.ping()
        waiting = threading.Thread(target=lambda: answers.append(patient.incr("n")))
        with faults.latency(0.3) as fault:
            waiting.start()
            wait_for(lambda: fault.fired > 0)
        waiting.join(20)
        assert answers == [1]


def test_latency_delays(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.latency(0.1, on="GET"):
        before = time.monotonic()
        client.set("other", 1)
        between = time.monotonic()
        client.get("text")
        after = time.monotonic()
    assert after - between > 0.09
    assert after - between > between - before


def test_latency_beyond_the_clients_patience(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.latency(5), pytest.raises(redis.TimeoutError):
        client.get("text")


def test_a_pipeline_is_late_once(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.latency(0.1):
        before = time.monotonic()
        with client.pipeline(transaction=False) as pipe:
            for _ in range(20):
                pipe.get("text")
            assert pipe.execute() == [b"x"] * 20
        assert time.monotonic() - before < 1


def test_down_counts_each_refusal(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.down() as fault:
        for _ in range(3):
            with pytest.raises(redis.ConnectionError):
                client.get("text")
        assert fault.fired >= 3


def test_flap_fires_for_a_client_that_only_meets_it_down(faults: RedisFaults, front: Front) -> None:
    with faults.flap(up=0.01, down=60) as fault:
        wait_for(lambda: not is_open(front))
        assert fault.fired >= 1


def is_open(front: Front) -> bool:
    with socket.socket() as raw:
        return raw.connect_ex((front.host, front.port)) == 0


def test_flap_goes_down_and_comes_back(faults: RedisFaults, client: redis.Redis) -> None:
    outcomes = set()

    def attempt() -> bool:
        try:
            client.get("text")
            outcomes.add("up" if "down" not in outcomes else "up again")
        except redis.ConnectionError:
            outcomes.add("down")
        return len(outcomes) == 3

    with faults.flap(up=0.1, down=0.1):
        wait_for(attempt)
    assert client.get("text") == b"x"


# Replies


def test_drop_after_counts_the_bytes_of_each_connection(
    faults: RedisFaults, client: redis.Redis
) -> None:
    client.set("long", "x" * 1000)
    with faults.drop_after(bytes=2500) as fault:
        assert len(client.get("long") or b"") == 1000
        assert len(client.get("long") or b"") == 1000
        with pytest.raises(redis.ConnectionError):
            client.get("long")
        assert fault.fired == 1
    assert len(client.get("long") or b"") == 1000


def received(front: Front, *commands: bytes) -> bytes:
    """All that comes back until the connection is closed, or for half a second."""
    with socket.create_connection((front.host, front.port), timeout=0.5) as raw:
        raw.sendall(b"".join(commands))
        data = b""
        try:
            while more := raw.recv(65536):
                data += more
        except TimeoutError:
            data += b" (open)"
    return data


def test_a_reply_is_cut_in_its_middle(faults: RedisFaults, front: Front) -> None:
    received(front, b"SET text 0123456789\r\n")
    with faults.cut_reply("GET", nth=2):
        data = received(front, b"GET text\r\n", b"GET text\r\n", b"GET text\r\n")
    whole = b"$10\r\n0123456789\r\n"
    assert data.startswith(whole)
    assert 0 < len(data.removeprefix(whole)) < len(whole)
    assert whole.startswith(data.removeprefix(whole))


@pytest.mark.parametrize(
    ("command", "method", "left"), [("RPUSH", "rpush", 1), ("incr", "incr", 1)]
)
def test_a_lost_reply_was_applied(
    faults: RedisFaults, client: redis.Redis, command: str, method: str, left: int
) -> None:
    arguments = ("key", "value") if method == "rpush" else ("key",)
    with faults.lose_reply(command) as fault:
        with pytest.raises(redis.ConnectionError):
            getattr(client, method)(*arguments)
        assert fault.fired == 1
    assert (client.llen("key") if method == "rpush" else int(client.get("key") or 0)) == left


def test_a_retry_after_a_lost_reply_applies_it_twice(faults: RedisFaults, front: Front) -> None:
    with plain(front, retry=Retry(NoBackoff(), 3)) as retrying, faults.lose_reply("INCR"):
        assert retrying.incr("n") == 2


@pytest.mark.slow
def test_a_withheld_reply_leaves_the_connection_open(faults: RedisFaults, front: Front) -> None:
    with faults.lose_reply("INCR", hang=True):
        data = received(front, b"PING\r\n", b"INCR n\r\n", b"PING\r\n")
    assert data == b"+PONG\r\n (open)"
    assert received(front, b"GET n\r\n") == b"$1\r\n1\r\n (open)"


# Errors


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("LOADING", redis.exceptions.BusyLoadingError),
        ("READONLY", redis.exceptions.ReadOnlyError),
        ("OOM", redis.exceptions.OutOfMemoryError),
        ("BUSY", redis.ResponseError),
        ("NOAUTH", redis.AuthenticationError),
        ("MASTERDOWN", redis.exceptions.MasterDownError),
        ("MISCONF", redis.ResponseError),
        ("NOREPLICAS", redis.ResponseError),
        ("CLUSTERDOWN", redis.exceptions.ClusterDownError),
        ("TRYAGAIN", redis.exceptions.TryAgainError),
        ("MOVED 1234 127.0.0.1:7001", redis.exceptions.MovedError),
        ("ASK 1234 127.0.0.1:7001", redis.exceptions.AskError),
        ("ERR what a server never says", redis.ResponseError),
    ],
)
def test_an_error_is_answered_and_nothing_is_done(
    faults: RedisFaults, client: redis.Redis, text: str, kind: type[Exception]
) -> None:
    with faults.error(text) as fault:
        with pytest.raises(kind) as caught:
            client.set("text", "y")
        assert fault.fired == 1
        assert fault.seen == {"SET": 1}
    assert type(caught.value) is kind
    assert client.get("text") == b"x"


def test_a_wrong_password_is_refused_when_it_is_given(faults: RedisFaults, front: Front) -> None:
    with (
        faults.error("WRONGPASS"),
        plain(front, password="any" * 2) as client,  # pragma: allowlist secret
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_an_error_without_commands_hits_what_the_servers_own_would(
    faults: RedisFaults, client: redis.Redis
) -> None:
    with faults.error("OOM") as fault:
        assert client.get("text") == b"x"
        assert client.delete("text") == 1
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("text", "y")
        assert fault.fired == 1


@pytest.mark.parametrize("text", ["READONLY", "OOM", "MISCONF", "NOREPLICAS"])
def test_scripts_are_writes_and_a_transaction_that_reads_is_none(
    faults: RedisFaults, client: redis.Redis, text: str
) -> None:
    with faults.error(text) as fault:
        with client.pipeline() as pipe:
            pipe.get("text")
            assert pipe.execute() == [b"x"]
        assert fault.fired == 0
        with pytest.raises(redis.ResponseError):
            client.eval("return redis.call('SET', KEYS[1], 'y')", 1, "text")
        with client.pipeline() as pipe:
            pipe.set("text", "y")
            with pytest.raises(redis.ResponseError):
                pipe.execute()
    assert client.get("text") == b"x"


@pytest.mark.parametrize("text", ["MOVED 1 127.0.0.1:1", "ASK 1 127.0.0.1:1", "CLUSTERDOWN"])
def test_what_a_cluster_says_of_keys_spares_commands_without_any(
    faults: RedisFaults, client: redis.Redis, text: str
) -> None:
    with faults.error(text):
        assert client.ping()
        with pytest.raises(redis.ResponseError):
            client.get("text")


def test_noscript_makes_a_library_send_its_script(faults: RedisFaults, client: redis.Redis) -> None:
    script = client.register_script("return redis.call('GET', KEYS[1])")
    with faults.error("NOSCRIPT", times=1) as fault:
        assert script(keys=["text"]) == b"x"
        assert fault.fired == 1


def test_a_limited_error_is_not_wasted_on_what_libraries_ignore(
    faults: RedisFaults, front: Front
) -> None:
    with faults.error("BUSY", times=1), plain(front) as fresh:
        with pytest.raises(redis.ResponseError, match="busy running a script"):
            fresh.get("text")
        assert fresh.get("text") is None


def test_a_withheld_client_is_dismissed_when_the_fault_ends(
    faults: RedisFaults, front: Front
) -> None:
    errors: list[Exception] = []
    with plain(front, socket_timeout=20) as patient:
        patient.ping()

        def wait() -> None:
            try:
                patient.incr("n")
            except redis.ConnectionError as error:
                errors.append(error)

        waiting = threading.Thread(target=wait)
        with faults.lose_reply("INCR", hang=True) as fault:
            waiting.start()
            wait_for(lambda: fault.fired > 0)
            assert errors == []
        waiting.join(20)
        assert len(errors) == 1
        assert patient.get("n") == b"1"


def test_nth_and_times_choose_which_commands_are_hit(
    faults: RedisFaults, client: redis.Redis
) -> None:
    outcomes = []
    with faults.error("LOADING", on="GET", nth=2, times=2) as fault:
        for _ in range(5):
            client.ping()
            try:
                outcomes.append(client.get("text"))
            except redis.exceptions.BusyLoadingError:
                outcomes.append(None)
        assert fault.fired == 2
    assert outcomes == [b"x", None, None, b"x", b"x"]


@pytest.mark.parametrize("key", ["user:*", b"user:?"])
def test_a_key_chooses_too(faults: RedisFaults, client: redis.Redis, key: str | bytes) -> None:
    with faults.error("READONLY", key=key):
        client.set("text", "y")
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.set("user:1", "y")


def test_on_takes_several_commands_and_what_libraries_send_for_them(
    faults: RedisFaults, client: redis.Redis
) -> None:
    with faults.error("READONLY", on=["incr", "delete"]) as fault:
        for call in (client.incr, client.delete):
            with pytest.raises(redis.exceptions.ReadOnlyError):
                call("text")
        assert fault.seen == {"INCRBY": 1, "DEL": 1}


def test_an_error_amid_a_pipeline_leaves_the_other_replies_in_place(
    faults: RedisFaults, client: redis.Redis
) -> None:
    pipe = client.pipeline(transaction=False)
    pipe.set("a", 1)
    pipe.set("b", 2)
    pipe.get("a")
    pipe.set("c", 3)
    with faults.error("OOM", on="SET", nth=2, times=1):
        replies = pipe.execute(raise_on_error=False)
    assert replies[0] is True
    assert isinstance(replies[1], redis.exceptions.OutOfMemoryError)
    assert replies[2:] == [b"1", True]


@pytest.mark.slow
def test_an_error_amid_a_transaction_aborts_it(faults: RedisFaults, front: Front) -> None:
    transaction = (b"MULTI\r\n", b"SET a 1\r\n", b"SET b 2\r\n", b"EXEC\r\n", b"EXISTS a b\r\n")
    with faults.error("OOM", on="SET", nth=2):
        data = received(front, *transaction)
    assert data.splitlines() == [
        b"+OK",
        b"+QUEUED",
        b"-OOM command not allowed when used memory > 'maxmemory'.",
        b"-EXECABORT Transaction discarded because of previous errors.",
        b":0",
        b" (open)",
    ]
    assert received(front, *transaction).splitlines()[-4:-1] == [b"+OK", b"+OK", b":2"]


def test_a_transaction_stays_spoilt_when_the_fault_ends_before_it(
    faults: RedisFaults, front: Front
) -> None:
    with socket.create_connection((front.host, front.port), timeout=5) as raw:
        replies = raw.makefile("rb")

        def say(*lines: bytes) -> list[bytes]:
            raw.sendall(b"".join(line + b"\r\n" for line in lines))
            return [replies.readline() for _ in lines]

        assert say(b"MULTI", b"SET a 1") == [b"+OK\r\n", b"+QUEUED\r\n"]
        with faults.error("OOM", on="SET"):
            assert say(b"SET b 2")[0].startswith(b"-OOM ")
        assert say(b"EXEC")[0].startswith(b"-EXECABORT ")
        assert say(b"EXISTS a b") == [b":0\r\n"]
        assert say(b"MULTI", b"SET a 1", b"EXEC")[-1] == b"*1\r\n"
        replies.close()


def test_a_second_transaction_of_the_same_pipeline_is_not_aborted(
    faults: RedisFaults, front: Front
) -> None:
    transaction = (b"MULTI\r\n", b"SET a 1\r\n", b"EXEC\r\n")
    with faults.error("OOM", on="SET", times=1):
        data = received(front, *transaction, *transaction)
    lines = data.splitlines()
    assert lines[2].startswith(b"-EXECABORT")
    assert lines[3:] == [b"+OK", b"+QUEUED", b"*1", b"+OK", b" (open)"]


def test_an_error_on_exec_ends_the_transaction(faults: RedisFaults, front: Front) -> None:
    with faults.error("READONLY", on="EXEC"):
        data = received(front, b"MULTI\r\n", b"SET a 1\r\n", b"EXEC\r\n", b"EXISTS a\r\n")
    because = b"-EXECABORT Transaction discarded because of: READONLY You can't write"
    assert data.splitlines()[2].startswith(because)
    assert data.splitlines()[3:] == [b":0", b" (open)"]


def test_subscribers_are_not_confused(faults: RedisFaults, client: redis.Redis) -> None:
    listener: Any = client.pubsub()  # type: ignore[no-untyped-call]
    with listener:
        listener.subscribe("news")
        assert listener.get_message(timeout=5) is not None
        with faults.error("OOM", on="SET"):
            assert client.publish("news", "hello") == 1
            message = listener.get_message(timeout=5)
            assert message
            assert message["data"] == b"hello"
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                client.set("text", "y")


def test_subscribers_are_thrown_out_when_the_server_goes_down(
    faults: RedisFaults, client: redis.Redis
) -> None:
    listener: Any = client.pubsub()  # type: ignore[no-untyped-call]
    with listener:
        listener.subscribe("news")
        assert listener.get_message(timeout=5)
        with faults.down(), pytest.raises(redis.ConnectionError):
            listener.get_message(timeout=5)


def test_an_error_on_a_blocking_command(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.error("LOADING", on="BLPOP"), pytest.raises(redis.exceptions.BusyLoadingError):
        client.blpop(["queue"], timeout=5)


def test_a_blocked_client_is_thrown_out_when_the_server_goes_down(
    faults: RedisFaults, front: Front
) -> None:
    errors: list[Exception] = []

    def wait() -> None:
        with plain(front, socket_timeout=20) as blocked:
            try:
                blocked.blpop(["queue"], timeout=15)
            except redis.ConnectionError as error:
                errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_for(lambda: any(one.name == "BLPOP" for one in front.records(0)))
    with faults.down() as fault:
        waiting.join(20)
        assert fault.fired >= 1
    assert len(errors) == 1
    with plain(front) as client:
        client.rpush("queue", "item")
        assert client.lrange("queue", 0, -1) == [b"item"]


def test_info_shows_what_is_asked_and_leaves_the_rest(
    faults: RedisFaults, client: redis.Redis
) -> None:
    before = client.info()
    fields: dict[str, Any] = {
        "used_memory": 201 * MB,
        "role": "slave",
        "loading_loaded_perc": 1.5,
        "loading": True,
    }
    with faults.info(**fields):
        shown = client.info()
    assert shown["used_memory"] == 201 * MB == 210_763_776
    assert (shown["role"], shown["loading_loaded_perc"], shown["loading"]) == ("slave", 1.5, 1)
    assert shown["redis_version"] == before["redis_version"]
    assert set(before) <= set(shown)
    assert "loading_loaded_perc" not in client.info()


def test_info_of_one_section_shows_its_fields(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.info(used_memory=7 * GB):
        assert client.info("memory")["used_memory"] == 7 * GB


def test_a_size_for_people_follows_the_size_in_bytes(
    faults: RedisFaults, client: redis.Redis
) -> None:
    with faults.info(used_memory=201 * MB, maxmemory=GB, used_memory_rss="unknown"):
        shown = client.info("memory")
    assert (shown["used_memory_human"], shown["maxmemory_human"]) == ("201.00M", "1.00G")
    assert shown["used_memory_rss"] == "unknown"
    assert shown["used_memory_rss_human"] != "unknown"


def test_a_size_for_people_may_be_given_itself(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.info(used_memory=201 * MB, used_memory_human="much"):
        assert client.info("memory")["used_memory_human"] == "much"


@pytest.mark.parametrize("section", ["memory", "Memory", "all", "everything", "default"])
def test_info_fires_where_its_section_is_asked_for(
    faults: RedisFaults, client: redis.Redis, section: str
) -> None:
    with faults.info(used_memory=7) as fault:
        assert client.info(section)["used_memory"] == 7
        assert fault.fired == 1


def test_info_of_another_section_neither_shows_it_nor_fires(
    faults: RedisFaults, client: redis.Redis
) -> None:
    shown: dict[str, Any] = {}
    told = unfired(faults.info(used_memory=7), lambda: shown.update(client.info("server")))
    assert "used_memory" not in shown
    assert "redis_version" in shown
    assert told == (
        "info(used_memory=7) never fired: it waited for INFO that shows used_memory, "
        "and saw INFO (INFO server does not show the section memory)"
    )


def test_a_field_that_is_not_there_yet_stands_in_its_section(
    faults: RedisFaults, client: redis.Redis
) -> None:
    fields: dict[str, Any] = {"master_link_status": "down", "db7": "keys=3,expires=0,avg_ttl=0"}
    with faults.info(**fields):
        assert client.info("replication")["master_link_status"] == "down"
        both = client.info("keyspace")
        assert both["db7"] == {"keys": 3, "expires": 0, "avg_ttl": 0}
        assert "master_link_status" not in both


def test_maxmemory_is_the_servers_own_limit(faults: RedisFaults, client: redis.Redis) -> None:
    with faults.maxmemory(1 * KB) as fault:
        assert client.get("text") == b"x"
        assert fault.fired == 0
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("text", "y")
        assert fault.fired == 1
        assert client.config_get("maxmemory") == {"maxmemory": "1024"}
    assert client.config_get("maxmemory") == {"maxmemory": "0"}
    assert client.set("text", "y")


def test_a_limit_within_a_limit_is_restored(faults: RedisFaults, client: redis.Redis) -> None:
    refused = redis.exceptions.OutOfMemoryError
    with faults.maxmemory(2 * KB):
        with faults.maxmemory(1 * KB), pytest.raises(refused):
            client.set("text", "y")
        assert client.config_get("maxmemory") == {"maxmemory": "2048"}
        with pytest.raises(refused):
            client.set("text", "y")


@pytest.mark.slow
def test_maxmemory_is_refused_on_a_server_that_is_not_ours(
    fronts: Callable[[Literal["embedded", "server"]], Front], require: Callable[[str], str]
) -> None:
    require("redis-server")
    with run_front("url", url=f"{fronts('server').url[:-1]}5") as leased:
        with pytest.raises(ValueError, match=r'use redis_faults.error\("OOM"\) instead$'):
            RedisFaults(leased).maxmemory(MB)
        with (
            plain(leased) as client,
            RedisFaults(leased).error("OOM"),
            pytest.raises(redis.exceptions.OutOfMemoryError),
        ):
            client.set("text", "y")


# Several at once


def test_several_faults_hit_each_its_own(faults: RedisFaults, client: redis.Redis) -> None:
    with (
        faults.error("READONLY", on="SET") as first,
        faults.error("LOADING", on="GET") as second,
        faults.info(used_memory=1) as third,
    ):
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.set("text", "y")
        with pytest.raises(redis.exceptions.BusyLoadingError):
            client.get("text")
        assert client.info("memory")["used_memory"] == 1
        assert [one.fired for one in (first, second, third)] == [1, 1, 1]
    assert client.get("text") == b"x"


def test_the_outer_fault_stays_when_the_inner_one_ends(
    faults: RedisFaults, client: redis.Redis
) -> None:
    with faults.error("READONLY", on="SET"):
        with faults.down(), pytest.raises(redis.ConnectionError):
            client.set("text", "y")
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.set("text", "y")
    assert client.set("text", "y")


def test_every_client_meets_it(faults: RedisFaults, front: Front) -> None:
    with plain(front) as first, plain(front) as second, faults.error("OOM") as fault:
        for one in (first, second):
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                one.set("text", "y")
        assert fault.fired == 2


def test_faults_work_in_asynchronous_tests(
    faults: RedisFaults, front: Front, run_async: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def talk() -> None:
        retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
        url = front.url
        async with redis.asyncio.Redis.from_url(url, retry=retry, socket_timeout=0.5) as client:
            with faults.error("READONLY", times=1):
                replies = await asyncio.gather(
                    *(client.set(f"key:{n}", n) for n in range(5)), return_exceptions=True
                )
            with faults.hang(), pytest.raises(redis.TimeoutError):
                await client.get("key")
            assert await client.ping()
        assert sorted(map(type, replies), key=str) == [bool] * 4 + [redis.exceptions.ReadOnlyError]

    run_async(talk())


# A fault that never fired


@pytest.fixture
def refused_elsewhere(clean_env: dict[str, str]) -> Callable[[Front], None]:
    """Another process tries to connect in vain."""

    def attempt(front: Front) -> None:
        code = f"import socket; socket.create_connection(({front.host!r}, {front.port}))"
        run = subprocess.run([sys.executable, "-c", code], env=clean_env, capture_output=True)
        assert b"ConnectionRefusedError" in run.stderr

    return attempt


def unfired(fault: Any, use: Callable[[], object] = lambda: None) -> str:
    with pytest.raises(UnfiredFaultError) as caught, fault:
        use()
    assert fault.fired == 0
    return str(caught.value).replace("redis_faults.", "", 1)


def test_a_fault_that_never_fired_fails_and_names_what_came(
    faults: RedisFaults, client: redis.Redis
) -> None:
    def use() -> None:
        client.mget("text")
        client.mget("text")
        client.ping()

    fault = faults.error("LOADING", on="GET")
    assert unfired(fault, use) == (
        "error('LOADING', on='GET') never fired: it waited for GET, and saw MGET x 2, PING "
        "(on='MGET' would have fired)"
    )
    assert fault.seen == {"MGET": 2, "PING": 1}


def test_a_lost_reply_of_a_command_that_never_comes(
    faults: RedisFaults, client: redis.Redis
) -> None:
    assert unfired(faults.lose_reply("XADD", nth=2), lambda: client.get("text")) == (
        "lose_reply('XADD', nth=2) never fired: it waited for number 2 of XADD, and saw GET"
    )


@pytest.mark.parametrize(
    ("text", "awaited"),
    [("WRONGPASS", "AUTH or HELLO"), ("TRYAGAIN", "a command with a key"), ("OOM", "a write")],
)
def test_the_scope_of_an_error_is_told(
    faults: RedisFaults, client: redis.Redis, text: str, awaited: str
) -> None:
    assert unfired(faults.error(text), client.ping) == (
        f"error({text!r}) never fired: it waited for {awaited}, and saw PING"
    )


def test_a_key_that_does_not_fit_is_shown(faults: RedisFaults, client: redis.Redis) -> None:
    def use() -> None:
        for n in range(5):
            client.get(f"user-{n}")

    assert unfired(faults.error("OOM", on="GET", key="user:*"), use) == (
        "error('OOM', on='GET', key='user:*') never fired: it waited for GET with a key like "
        "'user:*', and saw GET x 5 (the keys were 'user-0', 'user-1', 'user-2', ...)"
    )


def test_an_nth_that_is_too_large_is_told(faults: RedisFaults, client: redis.Redis) -> None:
    def use() -> None:
        client.get("text")
        client.get("text")

    assert unfired(faults.cut_reply("GET", nth=3, times=2), use) == (
        "cut_reply(on='GET', nth=3, times=2) never fired: it waited for number 3 of GET, "
        "and saw GET x 2 (it came only 2 times)"
    )


def test_reads_do_not_fire_what_concerns_writes(faults: RedisFaults, client: redis.Redis) -> None:
    assert unfired(faults.error("READONLY"), lambda: client.get("text")) == (
        "error('READONLY') never fired: it waited for a write, and saw GET"
    )


@pytest.mark.parametrize(
    ("make", "awaited"),
    [
        (lambda faults: faults.hang(), "any command"),
        (lambda faults: faults.latency(1), "any command"),
        (lambda faults: faults.drop_after(bytes=10), "more than 10 bytes of replies"),
        (lambda faults: faults.info(used_memory=1), "INFO"),
        (lambda faults: faults.lose_reply(["SET", "GET"], hang=True), "SET or GET"),
        (lambda faults: faults.flap(up=60, down=1), "a connection"),
    ],
)
def test_where_nothing_came_the_url_is_told(
    faults: RedisFaults,
    front: Front,
    make: Callable[[RedisFaults], Any],
    awaited: str,
) -> None:
    told = unfired(make(faults))
    assert f"it waited for {awaited}" in told
    assert "saw no command" in told
    assert f"(is the code under test connected to {front.url}?" in told
    assert "\n" not in told


def test_down_without_a_client_never_fired(
    front: Front, faults: RedisFaults, refused_elsewhere: Callable[[Front], None]
) -> None:
    wait_for(lambda: not any(one.closed == 0 for one in front.connections()))
    told = unfired(faults.down(), lambda: refused_elsewhere(front))
    assert told.startswith("down() never fired: it waited for a connection")
    assert "of other programs, or of clients with sockets of their own" in told
    assert told.endswith("for those write down(seen=False))")
    assert "\n" not in told


def is_closed(front: Front) -> bool:
    """Whether nothing listens there, found out without a connection."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((front.host, front.port))
        except OSError:
            return False
    return True


def test_flap_is_not_fired_by_other_programs(
    front: Front, faults: RedisFaults, refused_elsewhere: Callable[[Front], None]
) -> None:
    def use() -> None:
        wait_for(lambda: is_closed(front))
        refused_elsewhere(front)

    told = unfired(faults.flap(up=0.01, down=60), use)
    assert told.startswith("flap(up=0.01, down=60) never fired: it waited for a connection")
    assert told.endswith("write flap(..., seen=False))")


def test_flap_is_not_fired_by_a_client_that_only_meets_it_up(
    front: Front, faults: RedisFaults
) -> None:
    def use() -> None:
        with plain(front) as client:
            client.ping()
        wait_for(lambda: all(one.closed for one in front.connections()))

    assert "never fired" in unfired(faults.flap(up=60, down=1), use)


def test_what_cannot_be_seen_is_not_asked_for(
    front: Front, faults: RedisFaults, refused_elsewhere: Callable[[Front], None]
) -> None:
    with faults.down(seen=False) as down:
        refused_elsewhere(front)
    assert str(down) == "redis_faults.down(seen=False)"
    with faults.flap(up=0.01, down=60, seen=False) as flap:
        pass
    assert str(flap) == "redis_faults.flap(up=0.01, down=60, seen=False)"
    with pytest.raises(KeyError), faults.down(seen=False):
        raise KeyError("mine")
    faults.check_used()


def test_down_fires_for_the_open_connection_of_another_program(
    front: Front, faults: RedisFaults, clean_env: dict[str, str]
) -> None:
    code = (
        f"import socket; one = socket.create_connection(({front.host!r}, {front.port}));"
        "one.send(b'PING\\r\\n'); print(one.recv(9), flush=True); one.recv(9)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=clean_env, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert b"PONG" in other.stdout.readline()
        with faults.down() as fault:
            assert other.wait(20) == 0
        assert fault.fired == 1


def test_a_limit_that_was_too_high_is_told(faults: RedisFaults, client: redis.Redis) -> None:
    told = unfired(faults.maxmemory(100 * GB), lambda: client.set("text", "y"))
    assert "saw SET (used_memory is " in told
    assert told.endswith(f", the limit was {100 * GB})")
    assert client.config_get("maxmemory") == {"maxmemory": "0"}


def test_what_the_block_raises_stays_and_ends_the_fault(
    faults: RedisFaults, client: redis.Redis
) -> None:
    for fault in (faults.error("OOM"), faults.down(), faults.maxmemory(1)):
        with pytest.raises(KeyError, match="mine"), fault:
            raise KeyError("mine")
        assert client.set("text", "y")


def test_a_fault_is_entered_once(faults: RedisFaults, client: redis.Redis) -> None:
    fault = faults.error("OOM")
    with fault, pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("text", "y")
    with pytest.raises(ValueError, match="call it again for a second block"), fault:
        raise AssertionError("it must not be on")
    assert (fault.fired, fault.seen) == (1, {"SET": 1})


def test_a_fault_that_was_never_entered_is_told(faults: RedisFaults) -> None:
    faults.check_used()
    faults.error("OOM", on="SET")
    expected = "redis_faults.error('OOM', on='SET') was never on: write `with redis_faults."
    with pytest.raises(UnfiredFaultError) as caught:
        faults.check_used()
    assert str(caught.value).startswith(expected)


def test_a_fault_that_did_not_fire_is_told_though_the_block_raised(
    faults: RedisFaults, client: redis.Redis
) -> None:
    fault = faults.lose_reply("RPUSH")
    with pytest.raises(redis.ResponseError), fault:
        client.lpush("text", "y")
    told = r"lose_reply\('RPUSH'\) never fired: it waited for RPUSH, and saw LPUSH"
    with pytest.raises(UnfiredFaultError, match=told):
        faults.check_used()


def test_a_fault_that_fired_is_fine_when_the_block_raises(
    faults: RedisFaults, client: redis.Redis
) -> None:
    with pytest.raises(redis.ConnectionError), faults.lose_reply("RPUSH"):
        client.rpush("list", "y")
    faults.check_used()


def test_a_fault_that_cannot_be_judged_is_told(
    faults: RedisFaults, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(front: Front, number: int) -> None:
        raise OSError(f"rule {number} is out of reach")

    def use() -> None:
        monkeypatch.setattr(type(front), "remove_rule", fail)
        raise KeyError("mine")

    with pytest.raises(KeyError), faults.hang():
        use()
    monkeypatch.undo()
    with pytest.raises(UnfiredFaultError, match=r"nobody knows whether it fired: rule \d+ is"):
        faults.check_used()


# Bad values


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda faults: faults.error("OOM", on="GETT"), "no command 'GETT'; the nearest is GET"),
        (lambda faults: faults.lose_reply("NOSUCHTHING"), "no command 'NOSUCHTHING'"),
        (lambda faults: faults.error("OOM", on=[]), "names no command"),
        (lambda faults: faults.error("LODING"), "no error 'LODING'; the nearest is 'LOADING'"),
        (lambda faults: faults.error(""), "an error is one line of text"),
        (lambda faults: faults.error("ERR a\r\nb"), "an error is one line of text"),
        (lambda faults: faults.error("MOVED"), "MOVED needs a slot and an address"),
        (lambda faults: faults.error("OOM", nth=0), "nth is a whole number from 1 up, not 0"),
        (lambda faults: faults.error("OOM", times=0), "times is a whole number from 1 up"),
        (lambda faults: faults.error("OOM", key=""), "key is a glob"),
        (lambda faults: faults.cut_reply(times=-1), "times is a whole number from 1 up"),
        (lambda faults: faults.lose_reply("GET", nth=1.5), "nth is a whole number"),
        (lambda faults: faults.lose_reply("GET", nth=True), "nth is a whole number"),
        (lambda faults: faults.latency(-1), "seconds is a number of seconds above 0, not -1"),
        (lambda faults: faults.latency(float("nan")), "seconds is a number of seconds above 0"),
        (lambda faults: faults.latency(float("inf")), "seconds is a number of seconds above 0"),
        (lambda faults: faults.latency("1"), "seconds is a number of seconds above 0"),
        (lambda faults: faults.flap(up=0, down=1), "up is a number of seconds above 0"),
        (lambda faults: faults.flap(up=1, down=0), "down is a number of seconds above 0"),
        (lambda faults: faults.drop_after(bytes=-1), "bytes is a whole number from 0 up"),
        (lambda faults: faults.maxmemory(0), "bytes is a whole number from 1 up"),
        (lambda faults: faults.info(), r"info\(\) needs a field"),
        (
            lambda faults: faults.info(used_memry=1),
            "field 'used_memry'; the nearest is used_memory$",
        ),
        (
            lambda faults: faults.info(Role="slave"),
            "no section of INFO has a field 'Role'; .* role$",
        ),
        (
            lambda faults: faults.info(qqqqqqq=1),
            "'qqqqqqq'; INFO of the server lists what there is",
        ),
        (lambda faults: faults.info(role="a\r\nb"), "role cannot be"),
        (lambda faults: faults.info(role=None), "role cannot be None"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    make: Callable[[RedisFaults], Any],
    problem: str,
    fronts: Callable[[Literal["embedded", "server"]], Front],
) -> None:
    faults = RedisFaults(fronts("embedded"))
    with pytest.raises(ValueError, match=problem) as caught:
        make(faults)
    assert "\n" not in str(caught.value)
    faults.check_used()
