from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "size"), [("200mb", 209715200), ("1k", 1000), ("1KB", 1024), ("5", 5), ("2gb", 2**31)]
)
def test_sizes_have_units(session: Any, text: str, size: int) -> None:
    assert session(f"CONFIG SET maxmemory {text}") == "+OK"
    assert session("CONFIG GET maxmemory").endswith(str(size))


def test_several_patterns_and_globs(session: Any) -> None:
    reply = session("CONFIG GET hz maxmemory-p* TIMEOUT nonsense")
    assert reply.split("\r\n")[0] == "*6"
    assert "TIMEOUT" in reply
    assert session("CONFIG GET nonsense") == "*0"


def test_all_pairs_are_set_or_none(session: Any) -> None:
    failed = session("CONFIG SET hz 50 timeout -1")
    assert failed == (
        "-ERR CONFIG SET failed (possibly related to argument 'timeout') - "
        "argument must be between 0 and 2147483647 inclusive"
    )
    assert session("CONFIG GET hz").endswith("10")
    assert session("CONFIG SET hz 50 timeout 7") == "+OK"
    assert session("CONFIG GET timeout").endswith("7")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("CONFIG SET nonsense 1", "Unknown option or number of arguments for CONFIG SET - 'nons"),
        ("CONFIG SET hz 1 hz 2", "duplicate parameter"),
        ("CONFIG SET databases 2", "can't set immutable config"),
        ("CONFIG SET maxmemory many", "argument must be a memory value"),
        ("CONFIG SET appendonly maybe", "argument must be 'yes' or 'no'"),
        ("CONFIG SET hz", "wrong number of arguments for 'config|set' command"),
        ("CONFIG REWRITE", "The server is running without a config file"),
        ("CONFIG NONSENSE", "unknown subcommand 'NONSENSE'. Try CONFIG HELP."),
    ],
)
def test_mistakes_get_the_words_of_redis(session: Any, line: str, problem: str) -> None:
    assert problem in session(line)


def test_old_names_and_new_ones_are_one(session: Any) -> None:
    session("CONFIG SET hash-max-ziplist-entries 3")
    assert session("CONFIG GET hash-max-listpack-entries").endswith("3")
    session("HSET h a 1 b 2 c 3 d 4")
    assert session("OBJECT ENCODING h").endswith("hashtable")


def test_a_password_locks_out_who_comes_later(
    session: Any, server: Any, connect: Callable[[Any], Any]
) -> None:
    secret = "-".join(("open", "sesame"))
    session(f"CONFIG SET requirepass {secret}")
    assert session("PING") == "+PONG"
    late = connect(server)
    assert late("PING") == "-NOAUTH Authentication required."
    wrong = "-WRONGPASS invalid username-password pair or user is disabled."
    assert late("AUTH nonsense") == wrong
    assert late("HELLO 3 AUTH default nonsense") == wrong
    assert late("HELLO 3").startswith("-NOAUTH HELLO must be called with the client already")
    assert late("PING") == "-NOAUTH Authentication required."
    assert late(f"AUTH {secret}") == "+OK"
    assert late("PING") == "+PONG"
    assert late("RESET") == "+RESET"
    assert late("PING") == "-NOAUTH Authentication required."


def test_a_password_where_none_is_set_is_a_mistake(session: Any) -> None:
    assert session("AUTH x").startswith("-ERR AUTH <password> called without any password")
    assert session("AUTH default anything") == "+OK"


def test_reset_forgets_what_was_set(session: Any, server: Any) -> None:
    session("CONFIG SET hz 50 requirepass x")
    server.emulation.reset()
    assert session("CONFIG GET hz").endswith("10")
    assert session("CONFIG GET requirepass").endswith("$0\r\n")
