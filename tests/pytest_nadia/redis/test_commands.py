from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis

from pytest_nadia.redis import commands
from pytest_nadia.redis.command_table import DEPRECATED, GROUPS, HANDSHAKE, SENT_AS, SUBSCRIBE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = [name.replace("|", " ") for _, _, names in GROUPS for name in names.split()]

# Where Redis 7.0 itself says less: it has no flag for what may write, and WAIT became "blocking"
# in 7.2.
RUN_WHAT_MAY_WRITE = {"EVAL", "EVALSHA", "FCALL", "EXEC"}
FLAGS: dict[str, Callable[[str], bool]] = {
    "write": lambda name: commands.may_write(name) and name not in RUN_WHAT_MAY_WRITE,
    "denyoom": commands.is_denied_on_oom,
    "loading": commands.is_allowed_while_loading,
    "allow_busy": commands.is_allowed_while_busy,
    "no_auth": commands.is_allowed_without_auth,
    "blocking": commands.is_blocking,
}

FIRST_KEYS = [
    ("GET k", "k"),
    ("get k", "k"),
    ("MSET a 1 b 2", "a"),
    ("EVAL script 2 a b c", "a"),
    ("EVALSHA digest 1 a", "a"),
    ("FCALL function 1 a", "a"),
    ("EVAL script 0 a", None),
    ("XREAD COUNT 1 BLOCK 5 STREAMS s 0", "s"),
    ("XREADGROUP GROUP streams c STREAMS s >", "s"),
    ("XGROUP CREATE s g $", "s"),
    ("XINFO STREAM s", "s"),
    ("OBJECT ENCODING k", "k"),
    ("MEMORY USAGE k", "k"),
    ("BITOP AND dest a b", "dest"),
    ("ZUNION 2 a b", "a"),
    ("ZUNIONSTORE dest 2 a b", "dest"),
    ("SINTERCARD 2 a b", "a"),
    ("LMPOP 1 a LEFT", "a"),
    ("BLMPOP 1 1 a LEFT", "a"),
    ("SORT a BY w_* GET d_*", "a"),
    ("COPY a b", "a"),
    ("MIGRATE host 1 a 0 5", "a"),
    ('MIGRATE host 1 "" 0 5 AUTH secret KEYS a b', "a"),
    ("LCS a b", "a"),
    ("GEORADIUS a 1 1 1 m STORE b", "a"),
    ("PING", None),
    ("KEYS *", None),
    ("CLIENT LIST", None),
]


def fields_of(line: str) -> list[bytes]:
    return [b"" if word == '""' else word.encode() for word in line.split()]


@pytest.fixture
def server(require: Callable[[str], str], tmp_path: Path) -> Iterator[redis.Redis]:
    program = [require("redis-server"), "--port", "0", "--unixsocket", "s", "--save", ""]
    with subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        try:
            with closing(redis.Redis(unix_socket_path=str(tmp_path / "s"), protocol=2)) as client:
                wait_for(client)
                yield client
        finally:
            process.kill()


def wait_for(client: redis.Redis) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)
        else:
            return


def ask(client: redis.Redis, *words: str | bytes) -> Any:
    """The reply as it came, without what the library makes of it."""
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command(*words)  # type: ignore[no-untyped-call]
        return connection.read_response()
    finally:
        client.connection_pool.release(connection)


def facts(client: redis.Redis) -> dict[str, list[Any]]:
    """What the server says of each command and sub-command, by our name for it."""
    pairs = [pair for row in ask(client, "COMMAND") for pair in (row, *row[9])]
    return {row[0].decode().upper().replace("|", " "): row for row in pairs if not row[9]}


def flags_of(row: list[Any]) -> set[str]:
    return {flag.decode() if isinstance(flag, bytes) else str(flag) for flag in row[2]}


def test_every_command_of_the_server_is_known(server: redis.Redis) -> None:
    assert set(facts(server)) - {"COMMAND", "DEBUG"} <= set(NAMES)


def test_flags_are_those_of_the_server(server: redis.Redis) -> None:
    differences = [
        f"{name} {flag}"
        for name, row in facts(server).items()
        for flag, known in FLAGS.items()
        if (flag in flags_of(row)) != known(name) and name != "WAIT"
    ]

    assert differences == []


def test_first_keys_are_those_of_the_server(server: redis.Redis) -> None:
    probe = [b"%d" % place for place in range(10)]
    differences = []
    for name, row in facts(server).items():
        # A sharded channel is listed with the keys; where nothing is fixed Redis says 0.
        if row[3] and name not in SUBSCRIBE and name != "SPUBLISH":
            key = commands.key_of(name, probe)
            if key != b"%d" % row[3]:
                differences.append((name, key, row[3]))

    assert differences == []


def test_command_getkeys_agrees_on_the_examples(server: redis.Redis) -> None:
    for line, key in FIRST_KEYS:
        try:
            said = ask(server, "COMMAND", "GETKEYS", *fields_of(line))
        except redis.ResponseError:
            said = []
        assert said[:1] == ([] if key is None else [key.encode()]), line


@pytest.mark.parametrize(("line", "key"), FIRST_KEYS)
def test_the_first_key(line: str, key: str | None) -> None:
    fields = fields_of(line)

    assert commands.key_of(commands.name_of(fields), fields) == (key and key.encode())


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("JSON.SET doc $ 1", b"doc"),
        ("NEW.MODULE a b", b"a"),
        ("WHAT a", None),
        ("HEXPIRE h 10 FIELDS 1 f", b"h"),
        ("MSETEX 2 a 1 b 2", b"a"),
        ("JSON.DEBUG MEMORY doc", b"doc"),
        ("DEBUG OBJECT k", b"k"),
        ("PUBLISH channel x", None),
        ("GET", None),
        ("EVAL script", None),
        ("EVAL script x a", None),
        ("XREAD STREAMS", None),
    ],
)
def test_the_first_key_of_what_is_new_unknown_or_cut_short(line: str, key: bytes | None) -> None:
    fields = fields_of(line)

    assert commands.key_of(commands.name_of(fields), fields) == key


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("get k", "GET"),
        ("GeT k", "GET"),
        ("client list", "CLIENT LIST"),
        ("CLIENT NoSuch", "CLIENT NOSUCH"),
        ("CLIENT", "CLIENT"),
        ("COMMAND", "COMMAND"),
        ("command docs get", "COMMAND DOCS"),
        ("DEBUG SLEEP 0", "DEBUG SLEEP"),
        ("json.set k $ 1", "JSON.SET"),
        ("bogus x", "BOGUS"),
        ("", ""),
    ],
)
def test_the_name(line: str, name: str) -> None:
    assert commands.name_of(fields_of(line)) == name


def test_a_name_of_garbage_is_short_and_printable() -> None:
    name = commands.name_of([b"\xff" * 10_000_000])

    assert name.isascii()
    assert len(name) < 1_000


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("GET", "GET", True),
        ("get", "GET", True),
        ("GET", "GETSET", False),
        ("INCR", "INCRBY", True),
        ("INCR", "INCR", True),
        ("INCRBY", "INCR", False),
        ("decr", "DECRBY", True),
        ("EVAL", "EVALSHA", True),
        ("EVALSHA", "EVAL", False),
        ("register_script", "EVALSHA", True),
        ("delete", "DEL", True),
        ("delete", "UNLINK", False),
        ("CLIENT", "CLIENT LIST", True),
        ("client", "CLIENT FROM-THE-FUTURE", True),
        ("client_list", "CLIENT LIST", True),
        ("CLIENT|LIST", "CLIENT LIST", True),
        ("CLIENT LIST", "CLIENT INFO", False),
        ("scan_iter", "SCAN", True),
        ("hmset", "HMSET", True),
        ("json.set", "JSON.SET", True),
        ("MY.COMMAND", "MY.COMMAND", True),
        ("xgroup_del_consumer", "XGROUP DELCONSUMER", True),
    ],
)
def test_what_a_pattern_covers(pattern: str, name: str, covered: bool) -> None:
    assert commands.matches(pattern, name) is covered


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("rpush", "RPUSH"),
        ("Delete", "DEL"),
        ("incr", "INCR"),
        ("client", "CLIENT"),
        ("RPUHS", None),
    ],
)
def test_whether_a_name_is_known(pattern: str, name: str | None) -> None:
    assert commands.canonical(pattern) == name


@pytest.mark.parametrize(
    ("line", "handshake"),
    [
        ("HELLO 3", True),
        ("CLIENT SETINFO LIB-NAME x", True),
        ("SELECT 2", True),
        ("INFO REPLICATION", True),
        ("INFO replication", False),
        ("INFO", False),
        ("CLIENT LIST", False),
        ("PING", False),
    ],
)
def test_what_libraries_send_when_they_have_connected(line: str, handshake: bool) -> None:
    fields = fields_of(line)

    assert commands.is_handshake(commands.name_of(fields), fields) is handshake


def test_near_names() -> None:
    assert commands.nearest("RPUHS")[0] == "RPUSH"
    assert commands.nearest("delte")[0] == "DEL"
    assert commands.nearest("clientlst")[0] == "CLIENT LIST"
    assert commands.nearest("qqqqqqqq") == []


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("STE", "SET"),
        ("GETT", "GET"),
        ("HST", "HSET"),
        ("SAD", "SADD"),
        ("INCX", "INCR"),
        ("EXIPRE", "EXPIRE"),
        ("hgte", "HGET"),
    ],
)
def test_one_slip_leads_to_what_was_meant(slip: str, meant: str) -> None:
    assert commands.nearest(slip)[0] == meant


def test_what_may_write() -> None:
    assert all(map(commands.may_write, ["SET", "EVAL", "EVALSHA", "FCALL", "EXEC", "NEW.MODULE"]))
    assert not any(map(commands.may_write, ["GET", "EVAL_RO", "EVALSHA_RO", "FCALL_RO", "MULTI"]))


@pytest.mark.parametrize(
    ("line", "blocks"),
    [
        ("BLPOP q 0", True),
        ("XREAD BLOCK 0 STREAMS s $", True),
        ("XREAD COUNT 2 block 5 STREAMS s $", True),
        ("XREAD STREAMS block 0", False),
        ("XREADGROUP GROUP block c STREAMS s >", False),
        ("XREADGROUP GROUP g c BLOCK 1 STREAMS s >", True),
        ("WAIT 0 1", True),
        ("LPOP q", False),
    ],
)
def test_what_makes_a_client_wait(line: str, blocks: bool) -> None:
    fields = fields_of(line)

    assert commands.is_blocking(commands.name_of(fields), fields) is blocks


def test_deprecations_are_those_of_the_server(server: redis.Redis) -> None:
    said = ask(server, "COMMAND", "DOCS")
    docs = dict(zip(said[::2], said[1::2], strict=True))
    since = {
        name.decode().upper(): entry[b"deprecated_since"].decode()
        for name, raw in docs.items()
        if b"deprecated_since" in (entry := dict(zip(raw[::2], raw[1::2], strict=True)))
    }
    ours = {name: commands.deprecated(name) for name in since}

    assert since
    assert {name: found and found[0] for name, found in ours.items()} == since
    assert commands.deprecated("SET") is None


def test_every_name_in_the_data_is_a_command() -> None:
    aliased = {name.replace("|", " ") for names in SENT_AS.values() for name in names.split()}

    assert len(set(NAMES)) == len(NAMES)
    assert aliased | HANDSHAKE | SUBSCRIBE | set(DEPRECATED) <= set(NAMES)


def test_no_two_commands_are_the_same_to_a_pattern() -> None:
    assert [name for name in NAMES if commands.canonical(name) != name] == []


def test_it_brings_nothing_heavy_along() -> None:
    program = "import sys, pytest_nadia.redis.commands; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True
    )

    assert not {"redis", "msgspec", "difflib", "pytest"} & set(done.stdout.split())
