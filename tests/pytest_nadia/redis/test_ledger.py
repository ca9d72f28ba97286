"""The ledger: what it writes down, and that its counts are the server's own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
import redis
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_nadia.redis.connections import watch_connections
from pytest_nadia.redis.faults import RedisFaults
from pytest_nadia.redis.ledger import BudgetExceededError, RedisLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from pytest_nadia.redis.process import Front

Command = tuple[str | int, ...]


@pytest.fixture
def ledger(front: Front) -> RedisLedger:
    return RedisLedger(front, front.mark())


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(
    front: Front, ledger: RedisLedger, request: pytest.FixtureRequest
) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(front.url, protocol=request.param) as one:
        one.ping()
        ledger.clear()
        yield one


def names(ledger: RedisLedger) -> list[str]:
    return [one.name for one in ledger.commands]


# Commands


def test_a_command_is_written_down(client: redis.Redis, ledger: RedisLedger) -> None:
    client.select(3)
    client.set("user:1", "x" * 1000, ex=60)
    client.get("user:1")
    _, put, got = ledger.commands
    assert (put.name, put.key, put.database) == ("SET", b"user:1", 3)
    assert put.arguments == (b"user:1", b"x" * 256, b"EX", b"60")
    assert put.request_bytes > 1000
    assert (got.outcome, got.reply_bytes) == ("ok", len(b"$1000\r\n") + 1002)
    assert got.reply.startswith(b"$1000\r\nxxx")
    assert got.connection == put.connection == ledger.connections[-1].number
    assert got.number == put.number + 1
    assert got.seconds >= 0
    assert got.started >= put.started


def test_handshakes_are_apart(front: Front, ledger: RedisLedger) -> None:
    with redis.Redis.from_url(f"{front.url[:-1]}2", client_name="me", protocol=3) as client:
        client.get("a")
        client.select(4)
    assert names(ledger) == ["GET", "SELECT"]
    assert ledger.rejected == []
    assert {"HELLO", "CLIENT SETNAME", "SELECT"} <= {one.name for one in ledger.handshakes}
    assert ledger.count("SELECT") == 2


def test_a_pipeline_is_one_round_trip(client: redis.Redis, ledger: RedisLedger) -> None:
    with client.pipeline(transaction=False) as pipe:
        for n in range(50):
            pipe.set(f"key:{n}", n)
        pipe.execute()
    assert len(ledger.commands) == 50
    assert ledger.round_trips == 1
    for n in range(50):
        client.get(f"key:{n}")
    assert ledger.round_trips == 51


def test_a_transaction_is_its_commands_in_one_round_trip(
    client: redis.Redis, ledger: RedisLedger
) -> None:
    with client.pipeline() as pipe:
        pipe.set("a", 1)
        pipe.set("b", 2)
        pipe.execute()
    assert names(ledger) == ["MULTI", "SET", "SET", "EXEC"]
    assert ledger.round_trips == 1
    assert ledger.count("set") == 2


@pytest.mark.parametrize("end", ["DISCARD", ""])
def test_what_was_never_executed_is_not_counted(
    client: redis.Redis, ledger: RedisLedger, end: str
) -> None:
    with redis.Redis(connection_pool=client.connection_pool, single_connection_client=True) as one:
        one.execute_command("MULTI")
        one.execute_command("SET", "a", 1)
        if end:
            one.execute_command(end)
    assert "SET" in names(ledger)
    assert ledger.count("SET") == 0
    assert {one.outcome for one in ledger.commands if one.name == "SET"} <= {
        "queued",
        "discarded",
    }


def test_clients_of_several_threads_are_told_apart(front: Front, ledger: RedisLedger) -> None:
    def work(key: str) -> None:
        with redis.Redis.from_url(front.url) as client:
            for _ in range(20):
                client.incr(key)

    threads = [threading.Thread(target=work, args=(f"key:{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert ledger.count("INCRBY") == ledger.round_trips == 100
    by_connection = Counter((one.connection, one.key) for one in ledger.commands)
    assert sorted(by_connection.values()) == [20] * 5
    assert len({connection for connection, _ in by_connection}) == 5


def test_asynchronous_clients_are_seen(
    front: Front, ledger: RedisLedger, run_async: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def talk() -> None:
        async with redis.asyncio.Redis.from_url(front.url) as client:
            await asyncio.gather(*(client.get("a") for _ in range(10)))

    run_async(talk())
    assert ledger.count("GET") == 10
    assert ledger.round_trips == 10


def test_blocking_commands_are_seen_when_they_come(
    front: Front, client: redis.Redis, ledger: RedisLedger, eventually: Callable[..., None]
) -> None:
    def wait() -> None:
        with redis.Redis.from_url(front.url) as other:
            other.blpop(["queue"], timeout=15)

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: "BLPOP" in names(ledger))
    assert ledger.commands[-1].outcome == "unanswered"
    client.rpush("queue", "x")
    waiting.join(20)
    assert Counter(names(ledger)) == {"BLPOP": 1, "RPUSH": 1}
    assert ledger.count("BLPOP") == 1


def test_subscriptions_are_commands_and_messages_are_not(
    client: redis.Redis, ledger: RedisLedger
) -> None:
    listener: Any = client.pubsub()  # type: ignore[no-untyped-call]
    with listener:
        listener.subscribe("news")
        assert listener.get_message(timeout=5)
        for _ in range(3):
            client.publish("news", "x")
            assert listener.get_message(timeout=5)
    assert Counter(names(ledger))["SUBSCRIBE"] == 1
    assert ledger.count("PUBLISH") == 3


# Counts


def test_count_knows_how_commands_are_spelled(client: redis.Redis, ledger: RedisLedger) -> None:
    client.client_id()
    client.client_list()
    client.incr("n")
    assert ledger.count("client list") == ledger.count("CLIENT_LIST") == 1
    assert ledger.count("CLIENT") == 2
    assert (ledger.count("INCRBY"), ledger.count("INCR")) == (1, 0)


def test_an_unknown_name_is_not_a_zero(ledger: RedisLedger) -> None:
    with pytest.raises(ValueError, match="there is no command 'GETT'; the nearest is GET"):
        ledger.count("GETT")


def test_what_failed_ran_and_what_was_rejected_did_not(
    client: redis.Redis, ledger: RedisLedger
) -> None:
    client.set("text", "x")
    attempts: list[Command] = [("LLEN", "text"), ("GET",), ("NOSUCH", "x"), ("EVALSHA", "0", 0)]
    for attempt in attempts:
        with pytest.raises(redis.ResponseError):
            client.execute_command(*attempt)  # type: ignore[no-untyped-call]
    outcomes = {one.name: one.outcome for one in ledger.commands}
    assert outcomes == {
        "SET": "ok",
        "LLEN": "error",
        "GET": "rejected",
        "NOSUCH": "rejected",
        "EVALSHA": "error",
    }
    assert [one.name for one in ledger.rejected] == ["GET", "NOSUCH"]
    assert (ledger.count("LLEN"), ledger.count("GET"), ledger.count("EVALSHA")) == (1, 0, 1)


def test_faults_are_told_in_the_outcome(
    client: redis.Redis, ledger: RedisLedger, front: Front
) -> None:
    faults = RedisFaults(front)
    with faults.error("OOM", on="SET"), pytest.raises(redis.ResponseError):
        client.set("a", 1)
    with faults.lose_reply("INCR"), pytest.raises(redis.ConnectionError):
        client.incr("n")
    client.incr("n")
    assert [(one.name, one.outcome) for one in ledger.commands] == [
        ("SET", "injected"),
        ("INCRBY", "lost"),
        ("INCRBY", "ok"),
    ]
    assert (ledger.count("SET"), ledger.count("INCRBY")) == (0, 2)


def test_what_scripts_call_is_apart(client: redis.Redis, ledger: RedisLedger) -> None:
    assert ledger.script_commands == {}
    client.set("n", 1)
    assert ledger.script_commands == {}
    script = "for _ = 1, 3 do redis.call('INCR', KEYS[1]) end return redis.call('GET', KEYS[1])"
    assert client.eval(script, 1, "n") == b"4"
    client.get("n")
    assert ledger.script_commands == {"GET": 1, "INCR": 3}
    assert ledger.script_commands == {"GET": 1, "INCR": 3}
    assert (ledger.count("GET"), ledger.count("INCR"), ledger.count("EVAL")) == (1, 0, 1)
    ledger.clear()
    assert ledger.script_commands == {}


def test_what_the_plugin_asks_behind_the_stage_is_in_no_count(
    client: redis.Redis, ledger: RedisLedger, front: Front
) -> None:
    client.eval("return redis.call('GET', KEYS[1])", 1, "n")
    with redis.Redis(unix_socket_path=front.backstage_path) as backstage:
        for _ in range(3):
            backstage.get("n")
            backstage.scan(0)
    assert ledger.script_commands == {"GET": 1}
    assert (ledger.count("GET"), ledger.count("SCAN")) == (0, 0)
    assert names(ledger) == ["EVAL"]


def test_clear_begins_anew(client: redis.Redis, ledger: RedisLedger, front: Front) -> None:
    with redis.Redis.from_url(front.url) as other:
        other.get("a")
    client.get("a")
    numbers = [one.number for one in ledger.connections if one.is_open]
    ledger.clear()
    assert (ledger.commands, ledger.handshakes, ledger.round_trips) == ([], [], 0)
    assert [one.number for one in ledger.connections if one.number in numbers] == numbers
    client.get("b")
    assert [one.key for one in ledger.commands] == [b"b"]


# Connections


def test_connections_are_listed_with_the_stack_that_opened_them(
    front: Front, eventually: Callable[..., None]
) -> None:
    with watch_connections() as opened:
        opened.give((front.host, front.port))
        ledger = RedisLedger(front, front.mark(), opened)
        before = {one.number for one in ledger.connections}
        with redis.Redis.from_url(front.url, client_name="named") as client:
            client.ping()
            (mine,) = (one for one in ledger.connections if one.number not in before)
            assert mine.is_open
            assert (mine.name, mine.port > 0) == ("named", True)
            assert any(
                __name__ == frame.module or frame.file == __file__ for frame in mine.opened_by
            )

    def closed() -> bool:
        return any(one.number == mine.number and not one.is_open for one in ledger.connections)

    eventually(closed)
    assert all(one.closed >= one.opened for one in ledger.connections if not one.is_open)


def test_a_connection_is_closed_as_soon_as_its_client_is(front: Front, ledger: RedisLedger) -> None:
    before = {one.number for one in ledger.connections if one.is_open}
    for _ in range(50):
        with redis.Redis.from_url(front.url) as client:
            client.ping()
        assert {one.number for one in ledger.connections if one.is_open} <= before


def test_a_connection_of_the_unix_socket_has_no_port(front: Front, ledger: RedisLedger) -> None:
    with redis.Redis(unix_socket_path=front.socket_path) as client:
        client.get("a")
        assert ledger.connections[-1].port == 0
        assert ledger.connections[-1].opened_by == ()
    assert ledger.count("GET") == 1


def test_a_client_that_says_nothing_is_a_connection(front: Front, ledger: RedisLedger) -> None:
    before = len(ledger.connections)
    with socket.create_connection((front.host, front.port)) as raw:
        raw.sendall(b"PING\r\n")
        raw.recv(10)
        assert len(ledger.connections) == before + 1
    assert len(ledger.commands) == 1


# Budgets


def test_a_budget_that_is_kept(client: redis.Redis, ledger: RedisLedger) -> None:
    client.get("before")
    with ledger.budget(commands=3, round_trips=2) as used:
        client.get("a")
        assert (used.commands, used.round_trips) == (1, 1)
        with client.pipeline(transaction=False) as pipe:
            pipe.get("b")
            pipe.get("c")
            pipe.execute()
    client.get("after")
    assert (used.commands, used.round_trips) == (3, 2)
    assert [one.key for one in used.records] == [b"a", b"b", b"c"]
    ledger.check_used()


def test_an_exceeded_budget_lists_what_came(client: redis.Redis, ledger: RedisLedger) -> None:
    def use() -> None:
        for _ in range(14):
            client.get("user:1")
        client.set("seen", 1)

    with pytest.raises(BudgetExceededError) as caught, ledger.budget(commands=3, round_trips=1):
        use()
    assert str(caught.value).splitlines() == [
        "15 commands (the budget is 3), 15 round trips (the budget is 1):",
        "  GET user:1 x 14",
        "  SET seen",
    ]


def test_a_budget_in_which_nothing_came_fails(ledger: RedisLedger) -> None:
    with pytest.raises(BudgetExceededError, match="measured nothing"), ledger.budget(commands=3):
        pass
    with ledger.budget(commands=0):
        pass


def test_connecting_is_free_in_a_budget(front: Front, ledger: RedisLedger) -> None:
    with (
        ledger.budget(commands=1, round_trips=1),
        redis.Redis.from_url(front.url, client_name="me") as client,
    ):
        client.get("a")


def test_what_the_block_raises_comes_first(client: redis.Redis, ledger: RedisLedger) -> None:
    def use() -> None:
        client.get("a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), ledger.budget(commands=0):
        use()
    with pytest.raises(BudgetExceededError, match=r"1 command .the budget is 0.:\n  GET a"):
        ledger.check_used()


def test_a_budget_that_was_kept_is_fine_when_the_block_raises(
    client: redis.Redis, ledger: RedisLedger
) -> None:
    with pytest.raises(redis.ResponseError), ledger.budget(commands=1):
        client.execute_command(  # type: ignore[no-untyped-call]
            "INCRBY", "a", "not a number"
        )
    ledger.check_used()


def test_a_budget_that_cannot_be_read_is_told(
    front: Front, ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(front: Front, since: int) -> None:
        raise OSError("the records are out of reach")

    def use() -> None:
        monkeypatch.setattr(type(front), "records", fail)
        raise KeyError("mine")

    with pytest.raises(KeyError), ledger.budget(commands=1):
        use()
    monkeypatch.undo()
    with pytest.raises(BudgetExceededError, match="nobody knows whether it was kept: the records"):
        ledger.check_used()


def test_a_budget_without_a_limit_or_a_block_is_refused(ledger: RedisLedger) -> None:
    with pytest.raises(ValueError, match="a budget needs commands=N or round_trips=N"):
        ledger.budget()
    ledger.budget(commands=1)
    with pytest.raises(BudgetExceededError, match=r"write `with redis_ledger.budget"):
        ledger.check_used()


# Counts are the server's own

KEYS = st.sampled_from(["text", "list", "hash", "none"])
SCRIPT = "redis.call('APPEND', KEYS[1], 'x') redis.pcall('STRLEN', KEYS[1]) return 1"
COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["GET", "LLEN", "HLEN", "SCARD", "TYPE", "INCR"]), KEYS),
    st.tuples(st.sampled_from(["SET", "RPUSH", "SADD", "HGET"]), KEYS, st.just("1")),
    st.tuples(st.just("HSET"), KEYS, st.just("field"), st.just("1")),
    st.tuples(st.just("DEL"), KEYS, KEYS),
    st.tuples(st.sampled_from(["get", "Set", "NOSUCH", "PING", "MGET", "EXPIRE"])),
    st.tuples(st.just("CLIENT"), st.sampled_from(["ID", "GETNAME", "NOSUCH"])),
    st.tuples(st.just("OBJECT"), st.just("ENCODING"), KEYS),
    st.tuples(st.just("EVAL"), st.just(SCRIPT), st.just("1"), KEYS),
    st.tuples(st.just("EVALSHA"), st.just("0" * 40), st.just("0")),
    st.sampled_from(
        [
            ("EVAL", "return redis.call('NOSUCH')", "0"),
            ("EVAL", "return redis.call('GETSET')", "0"),
            ("EVAL", "return redis.error_reply('OOM mine')", "0"),
            ("EVAL", "nonsense(", "0"),
            ("EVAL", "return 1"),
            ("HSET", "hash", "a", "1", "b"),
            ("MSET", "text", "1", "none"),
            ("XADD", "none", "*", "field", "1", "other"),
            ("HELLO", "9"),
            ("EXEC",),
            ("DISCARD",),
        ]
    ),
    st.just(("CONFIG", "SET", "maxmemory", "1")),
    st.just(("CONFIG", "SET", "maxmemory", "0")),
    st.just(("CONFIG", "SET", "nosuch", "0")),
    st.just(("SELECT", "1")),
    st.just(("SELECT", "99")),
    st.just(("WATCH", "text")),
    st.just(("UNWATCH",)),
    st.just(("AUTH", "a")),
    st.just(("BLPOP", "none", "0.01")),
)
TRANSACTIONS = st.tuples(
    st.lists(COMMANDS, max_size=4), st.sampled_from(["EXEC", "DISCARD", "MULTI", ""])
).map(lambda pair: [("MULTI",), *pair[0], *([(pair[1],)] if pair[1] else [])])
PROGRAMS = st.lists(
    st.one_of(
        COMMANDS.map(lambda command: [command]), st.lists(COMMANDS, max_size=6), TRANSACTIONS
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(program=PROGRAMS)
def test_counts_are_the_servers_own(front: Front, program: list[list[Command]]) -> None:
    front.reset()
    with redis.Redis(unix_socket_path=front.backstage_path, protocol=2) as backstage:
        ledger = RedisLedger(front, front.mark())
        before = calls(backstage)
        run(front, program)
        counted = calls(backstage) - before
    sent = {one.name for one in ledger.commands + ledger.handshakes}
    scripts = {"APPEND", "STRLEN"}
    assert {name: ledger.count(name) for name in sent if is_known(ledger, name)} == {
        name: counted[name] for name in sent if is_known(ledger, name)
    }
    assert ledger.script_commands == {name: counted[name] for name in scripts if counted[name]}
    assert set(counted) - sent - scripts <= {"INFO", "HELLO", "CLIENT SETINFO", "CONFIG GET"}


def calls(backstage: redis.Redis) -> Counter[str]:
    stats = backstage.info("commandstats")
    spelled = {name.removeprefix("cmdstat_"): value["calls"] for name, value in stats.items()}
    return Counter({name.replace("|", " ").upper(): value for name, value in spelled.items()})


def is_known(ledger: RedisLedger, name: str) -> bool:
    try:
        ledger.count(name)
    except ValueError:
        return False
    return True


def run(front: Front, program: list[list[Command]]) -> None:
    """Each part of the program in one piece, as a pipeline is sent."""
    with socket.create_connection((front.host, front.port), timeout=20) as connection:
        replies = connection.makefile("rb")
        for part in program:
            connection.sendall(b"".join(map(encoded, part)))
            for _ in part:
                skip_reply(replies)
        replies.close()


def encoded(command: Command) -> bytes:
    fields = [str(field).encode() for field in command]
    return b"*%d\r\n" % len(fields) + b"".join(
        b"$%d\r\n%s\r\n" % (len(field), field) for field in fields
    )


def skip_reply(replies: BinaryIO) -> None:
    line = replies.readline()
    assert line, "the connection was closed"
    if line[:1] == b"$" and line != b"$-1\r\n":
        replies.read(int(line[1:]) + 2)
    elif line[:1] == b"*" and line != b"*-1\r\n":
        for _ in range(int(line[1:])):
            skip_reply(replies)
