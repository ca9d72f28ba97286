from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("WAIT 1 0", ":0"),
        ("WAIT 1 -1", "-ERR timeout is negative"),
        ("ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0"),
        ("REPLICAOF NO ONE", "+OK"),
        ("LASTSAVE now", "-ERR wrong number of arguments for 'lastsave' command"),
        ("BGREWRITEAOF", "+Background append only file rewriting started"),
        ("LATENCY LATEST", "*0"),
        ("LATENCY HISTORY command", "*0"),
        ("LATENCY RESET", ":0"),
        ("MODULE LIST", "*0"),
        ("CLUSTER INFO", "-ERR This instance has cluster support disabled"),
        ("MEMORY PURGE", "+OK"),
        ("COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb"),
        ("COMMAND GETKEYS XREAD STREAMS s t 0 0", "*2\r\n$1\r\ns\r\n$1\r\nt"),
        ("COMMAND GETKEYS ZUNIONSTORE d 1 a", "*2\r\n$1\r\nd\r\n$1\r\na"),
        ("COMMAND GETKEYS PING x", "-ERR The command has no key arguments"),
        ("COMMAND INFO nosuch", "*1\r\n$-1"),
        ("NOSUCH a b", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "),
        ("OBJECT NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP."),
        ("SELECT 16", "-ERR DB index is out of range"),
    ],
)
def test_replies_of_a_single_server(session: Any, line: str, reply: str) -> None:
    assert session(line) == reply


def test_debug_is_refused_even_in_a_transaction(session: Any) -> None:
    session("MULTI")
    assert session("DEBUG SLEEP 0").startswith("-ERR DEBUG command not allowed.")
    assert session("EXEC").startswith("-EXECABORT")


def test_shutdown_asks_the_server_to_end(session: Any, server: Any) -> None:
    assert session("SHUTDOWN").startswith("-ERR the embedded Redis ends with the tests;")
    asked = []
    server.emulation.shutdown = lambda: asked.append(True)
    assert session("SHUTDOWN whenever") == "-ERR syntax error"
    assert not asked
    assert session("SHUTDOWN NOSAVE") == ""
    assert asked


def test_hello_is_that_of_redis(session: Any) -> None:
    assert session("HELLO 4") == "-NOPROTO unsupported protocol version"
    reply = session("HELLO 3 SETNAME me")
    assert reply.startswith("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15")
    assert session("CLIENT GETNAME").endswith("me")
    assert session("RESET") == "+RESET"
    assert session("CLIENT GETNAME") == "$-1"


def test_clients_are_listed(session: Any, server: Any, connect: Callable[[Any], Any]) -> None:
    other = connect(server)
    other("CLIENT SETNAME other")
    other("SUBSCRIBE news")
    session("MULTI")
    session("DISCARD")
    lines = session("CLIENT LIST").split("\r\n", 1)[1].splitlines()
    assert [re.search(r"name=(\w*) ", line)[1] for line in lines if line] == ["", "other"]  # type: ignore[index]
    assert "sub=1" in session("CLIENT LIST TYPE pubsub")
    assert "name=other" not in session("CLIENT LIST TYPE normal")
    assert session("CLIENT LIST TYPE strange") == "-ERR Unknown client type 'strange'"
    assert session(f"CLIENT LIST ID {other._client_info['id']}").count("id=") == 1
    assert " cmd=client|info user=default redir=-1 resp=2" in session("CLIENT INFO")


def test_newer_commands_come_with_newer_versions(
    make_server: Callable[..., Any], connect: Callable[[Any], Any]
) -> None:
    old, new = connect(make_server((7, 0, 15))), connect(make_server((7, 4, 0)))
    assert old("CLIENT SETINFO lib-name x").startswith("-ERR unknown subcommand")
    assert new("CLIENT SETINFO lib-name x") == "+OK"
    assert "lib-name=x" in new("CLIENT INFO")


def test_the_slow_log(session: Any) -> None:
    assert session("SLOWLOG LEN") == ":0"
    session("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 2")
    session("SET a " + "x" * 200)
    session("GET a")
    assert session("SLOWLOG LEN") == ":2"
    newest, oldest = session("SLOWLOG GET"), session("SLOWLOG GET -1")
    assert "SLOWLOG" in newest.upper()
    assert "127.0.0.1:5" in oldest
    session("CONFIG SET slowlog-log-slower-than -1")
    session("SLOWLOG RESET")
    session("GET a")
    assert session("SLOWLOG LEN") == ":0"


def test_long_arguments_are_cut_in_the_slow_log(session: Any) -> None:
    session("CONFIG SET slowlog-log-slower-than 0")
    session("SET a " + "x" * 200)
    assert "... (72 more bytes)" in session("SLOWLOG GET 1")
    session("MGET " + " ".join(map(str, range(50))))
    assert "... (20 more arguments)" in session("SLOWLOG GET 1")


def test_commands_are_described(session: Any) -> None:
    row = session("COMMAND INFO get").split("\r\n")
    assert row[:5] == ["*1", "*10", "$3", "get", ":2"]
    count = int(session("COMMAND COUNT")[1:])
    assert count > 200
    assert session("COMMAND LIST").startswith(f"*{count}\r\n")
    assert session("COMMAND LIST FILTERBY PATTERN mset*").startswith("*2")


@pytest.mark.parametrize("name", ["OBJECT", "MEMORY", "SLOWLOG", "LATENCY", "CONFIG", "CLIENT"])
def test_help_is_given(session: Any, name: str) -> None:
    assert f"{name} <subcommand>" in session(f"{name} HELP")


def test_memory_usage_and_stats(session: Any) -> None:
    session("SET foo bar")
    assert session("MEMORY USAGE foo") == ":64"
    assert session("MEMORY USAGE foo SAMPLES 0") == ":64"
    assert session("MEMORY USAGE missing") == "$-1"
    assert session("MEMORY USAGE foo SAMPLES -1") == "-ERR syntax error"
    assert "keys.count\r\n:1" in session("MEMORY STATS")
    assert "Hi Sam" in session("MEMORY DOCTOR")


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        ("SET k 12345", "int", "int"),
        ("SET k hello", "embstr", "embstr"),
        (f"SET k {'x' * 45}", "raw", "raw"),
        ("RPUSH k a", "quicklist", "listpack"),
        (f"RPUSH k {'x' * 9000}", "quicklist", "quicklist"),
        ("SADD k 1 2", "intset", "intset"),
        ("SADD k a", "hashtable", "listpack"),
        ("HSET k f v", "listpack", "listpack"),
        (f"HSET k f {'x' * 65}", "hashtable", "hashtable"),
        ("ZADD k 1 m", "listpack", "listpack"),
        (f"ZADD k 1 {'x' * 65}", "skiplist", "skiplist"),
        ("XADD k 1-1 f v", "stream", "stream"),
    ],
)
def test_encodings(
    make_server: Callable[..., Any],
    connect: Callable[[Any], Any],
    line: str,
    old: str,
    new: str,
) -> None:
    for version, encoding in (((7, 0, 15), old), ((7, 4, 0), new)):
        session = connect(make_server(version))
        session(line)
        assert session("OBJECT ENCODING k").endswith(f"\r\n{encoding}")
        assert session("OBJECT ENCODING missing") == "$-1"
