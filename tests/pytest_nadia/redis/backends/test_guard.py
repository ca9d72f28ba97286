from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.backends.blocking import BlockingClient, Reply, ReplyError
from pytest_nadia.redis.backends.guard import Decision, Guard, Replacement
from pytest_nadia.redis.process import FrontError, run_front

if TYPE_CHECKING:
    from pytest_nadia.redis.backends.spawn import RealServer

CONTAINERS = {"ACL", "CLIENT", "CONFIG", "FUNCTION", "LATENCY", "MODULE", "SCRIPT", "SLOWLOG"}


def decide(*words: str | bytes) -> Decision:
    fields = [word.encode() if isinstance(word, str) else word for word in words]
    first = fields[0].decode().upper()
    name = f"{first} {fields[1].decode().upper()}" if first in CONTAINERS else first
    return Guard(5).decide(name, fields)


def refusal(*words: str | bytes) -> str:
    answer = decide(*words)
    assert isinstance(answer, bytes)
    assert answer.startswith(b"-ERR nadia: ")
    assert answer.endswith(b" (--nadia-redis=server allows it)\r\n")
    assert answer.count(b"\r\n") == 1
    return answer.decode().strip()


def test_the_refusal_says_what_why_and_what_instead() -> None:
    assert refusal("FLUSHALL") == (
        "-ERR nadia: FLUSHALL refused, this Redis is shared: it empties the databases of others, "
        "use FLUSHDB (--nadia-redis=server allows it)"
    )


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL ASYNC",
        "flushall",
        "SHUTDOWN NOSAVE",
        "CONFIG SET maxmemory 1",
        "config set maxmemory 1",
        "CONFIG REWRITE",
        "CONFIG RESETSTAT",
        "SWAPDB 0 1",
        "MOVE a 1",
        "MOVE a 0",
        "SELECT 1",
        "SELECT 5",
        "SELECT -1",
        "SCRIPT FLUSH",
        "SCRIPT KILL",
        "FUNCTION FLUSH",
        "FUNCTION RESTORE x",
        "DEBUG SLEEP 1",
        "DEBUG",
        "REPLICAOF NO ONE",
        "SLAVEOF NO ONE",
        "FAILOVER",
        "CLIENT KILL ID 3",
        "CLIENT PAUSE 100",
        "ACL SETUSER x",
        "ACL DELUSER x",
        "ACL LOAD",
        "MODULE LOAD x",
        "MIGRATE h 1 a 0 1",
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "MONITOR",
        "SYNC",
        "PSYNC ? -1",
        "RESET",
        "SLOWLOG RESET",
        "LATENCY RESET",
    ],
)
def test_what_reaches_beyond_the_database_is_refused(command: str) -> None:
    words = command.split()
    assert words[0].upper() in refusal(*words)


@pytest.mark.parametrize(
    "command",
    [
        "GET a",
        "FLUSHDB",
        "FLUSHDB ASYNC",
        "CONFIG GET maxmemory",
        "CLIENT LIST",
        "CLIENT SETNAME x",
        "CLIENT UNBLOCK 3",
        "SCRIPT LOAD return",
        "SCRIPT EXISTS x",
        "FUNCTION LIST",
        "ACL WHOAMI",
        "INFO",
        "HELLO 3",
        "AUTH x",
        "KEYS *",
        "SLOWLOG GET",
        "NOSUCHCOMMAND SET x",
        "SELECT",
        "SELECT x",
        "SELECT 1 2",
        "COPY a b",
        "COPY a b REPLACE",
        "COPY a b DB",
        "COPY a b DB x",
        "COPY db DB",
        "COPY",
        "EVAL",
        "SET flushall 1",
    ],
)
def test_everything_else_passes(command: str) -> None:
    assert decide(*command.split()) is None


def test_database_0_is_the_leased_one() -> None:
    assert decide("SELECT", "0") == Replacement((b"SELECT", b"5"))
    assert decide("select", "0") == Replacement((b"select", b"5"))


def test_a_copy_into_database_0_is_one_into_the_leased_one() -> None:
    assert decide("COPY", "a", "b", "db", "0", "REPLACE") == Replacement(
        (b"COPY", b"a", b"b", b"db", b"5", b"REPLACE")
    )
    assert decide("COPY", "DB", "DB", "REPLACE", "DB", "0") == Replacement(
        (b"COPY", b"DB", b"DB", b"REPLACE", b"DB", b"5")
    )
    assert "COPY to another database refused" in refusal("COPY", "a", "b", "REPLACE", "DB", "5")


@pytest.mark.parametrize(
    "script",
    [
        "redis.call('FLUSHALL')",
        "return redis.pcall( \"flushall\" , 'ASYNC')",
        "local x = redis.call('select', 0)",
        "redis.call('CONFIG', 'SET', 'maxmemory', 1)",
        "redis.call('SCRIPT','FLUSH')",
        "redis.call('GET', 'a') redis.call('SwapDB', 0, 1)",
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ["EVAL", None, "0"],
        ["EVAL_RO", None, "0"],
        ["SCRIPT", "LOAD", None],
        ["FUNCTION", "LOAD", None],
        ["FUNCTION", "LOAD", "REPLACE", None],
    ],
    ids=lambda words: " ".join(filter(None, words)),
)
def test_scripts_that_reach_beyond_the_database_are_refused(
    script: str, words: list[str | None]
) -> None:
    assert "in a script refused" in refusal(*(word or script for word in words))


@pytest.mark.parametrize(
    "script",
    [
        "return redis.call('GET', KEYS[1])",
        "if ARGV[1] == 'move' then return redis.call('SET', 'flushall', 'select') end",
        "redis.call('CONFIG', 'GET', 'maxmemory')",
        "redis.call('FLUSHDB')",
        "recall('FLUSHALL')",
        b"\xff\xfe redis.call('GET', '\xff')",
    ],
)
def test_other_scripts_pass(script: str | bytes) -> None:
    assert decide("EVAL", script, "0") is None
    assert decide("SCRIPT", "LOAD", script) is None


def test_the_arguments_of_a_script_are_no_script() -> None:
    assert decide("EVAL", "return ARGV[1]", "0", "redis.call('FLUSHALL')") is None


@pytest.mark.parametrize("number", ["00", "+0", " 0", "0 ", "-0", "0.0", "0x0"])
def test_no_spelling_of_a_number_gets_by(
    server: RealServer, admin: BlockingClient, number: str
) -> None:
    """What the guard lets pass, the server must refuse."""
    decision = decide("SELECT", number)
    if isinstance(decision, Replacement):
        assert decision.fields[1] == b"5"
    if decision is None:
        assert isinstance(admin.call("SELECT", number), ReplyError)


# Through the front


def ask(address: str | tuple[str, int], *orders: str) -> list[Reply]:
    with BlockingClient(address, 20) as client:
        return [client.call(*order.split()) for order in orders]


def test_tests_on_a_shared_server_reach_their_own_database_only(
    server: RealServer, admin: BlockingClient
) -> None:
    admin.call("SELECT", "2")
    admin.call("SET", "theirs", "1")
    with run_front("url", url=f"redis://{server.host}:{server.port}/3") as front:
        refused, *replies = ask(
            (front.host, front.port), "FLUSHALL", "SET a 1", "SELECT 0", "GET a", "SELECT 2"
        )
        assert str(refused).startswith("ERR nadia: FLUSHALL refused")
        assert replies[:3] == [b"OK", b"OK", b"1"]
        assert str(replies[3]).startswith("ERR nadia: SELECT 2 refused")
        assert ask((front.host, front.port), "MULTI", "SELECT 0", "GET a", "EXEC")[-1] == [
            b"OK",
            b"1",
        ]
        front.reset()
        assert ask((front.host, front.port), "DBSIZE") == [0]
    assert admin.call("DBSIZE") == 1


def test_fronts_on_a_shared_server_do_not_meet(server: RealServer) -> None:
    url = f"redis://{server.host}:{server.port}"
    with run_front("url", url=url) as one, run_front("url", url=url) as other:
        assert ask((one.host, one.port), "SET a 1", "DBSIZE") == [b"OK", 1]
        assert ask((other.host, other.port), "DBSIZE") == [0]
        with pytest.raises(FrontError, match="is leased by"), run_front("url", url=f"{url}/1"):
            raise AssertionError("it must not start")
    assert ask(server.socket_path, "DBSIZE", "SELECT 1", "DBSIZE") == [0, b"OK", 0]
