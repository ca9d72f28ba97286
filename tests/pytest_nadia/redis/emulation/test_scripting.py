from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def run(session: Any, script: str, *arguments: str) -> str:
    command = ["EVAL", script, "0", *arguments]
    return str(session.ask(*command).decode().removesuffix("\r\n"))


@pytest.mark.parametrize(
    ("script", "reply"),
    [
        ("return {1, 2.9, 'a', false, true, {4}}", "*6 :1 :2 $1 a $-1 :1 *1 :4"),
        ("return {1, nil, 3}", "*1 :1"),
        ("return {ok='FINE'}", "+FINE"),
        ("return {err='MY failure'}", "-MY failure"),
        ("return redis.error_reply('FAILURE')", "-ERR FAILURE"),
        ("return -1e300", ":-9223372036854775808"),
        ("return cjson.encode({1, 'a/b', {b=true}})", '$21 [1,"a\\/b",{"b":true}]'),
        ("return cjson.decode('[1, \"x\", null]')", "*3 :1 $1 x $-1"),
        ("return redis.sha1hex('')", "$40 da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("return redis.pcall('NOSUCH')['err']", "$44 ERR Unknown Redis command called from script"),
        ("return type(redis.call('GET', 'missing'))", "$7 boolean"),
        ("local fine, e = pcall(redis.call, 'GET') return e.err", None),
    ],
)
def test_values_become_replies(session: Any, script: str, reply: str | None) -> None:
    expected = reply or "$58 ERR Wrong number of args calling Redis command from script"
    assert run(session, script).replace("\r\n", " ") == expected


@pytest.mark.parametrize(
    ("script", "text", "line"),
    [
        ("return redis.call('GET')", "Wrong number of args calling Redis command from script", 1),
        ("\nreturn redis.call('NOSUCH')", "Unknown Redis command called from script", 2),
        ("return redis.call('SUBSCRIBE', 'c')", "This Redis command is not allowed from script", 1),
        ("return redis.call()", "Please specify at least one argument for this redis lib call", 1),
        ("return redis.call({})", "Lua redis lib command arguments must be strings or inte", 1),
        ("\n\nerror('thrown')", "user_script:3: thrown", 3),
        ("return nothing", "Script attempted to access nonexistent global variable 'nothing'", 1),
        ("new = 1", "user_script:1: Attempt to modify a readonly table", 1),
        ("return os.time()", "Script attempted to access nonexistent global variable 'os'", 1),
        ("return python", "Script attempted to access nonexistent global variable 'python'", 1),
        (
            "local x = loadstring('return python')() return x",
            "nonexistent global variable 'python'",
            1,
        ),
    ],
)
def test_failures_name_the_place(session: Any, script: str, text: str, line: int) -> None:
    reply = run(session, script)
    assert reply.startswith("-ERR ")
    assert text in reply
    assert reply.endswith(f", on @user_script:{line}.")


def test_what_is_no_lua_is_an_error(session: Any) -> None:
    expected = (
        "-ERR Error compiling script (new function): user_script:1: unexpected symbol near '}'"
    )
    assert run(session, "return }") == expected
    assert session("SCRIPT LOAD 'return }'") == expected


def test_a_script_leaves_its_database(session: Any) -> None:
    session("SET a outside")
    assert run(session, "redis.call('SELECT', 1) redis.call('SET', 'a', 'inside')") == "$-1"
    assert session("GET a").endswith("outside")


def test_a_script_never_waits(session: Any) -> None:
    script = "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$')"
    assert run(session, script) == "$-1"
    assert not session._in_transaction


def test_read_only_scripts_write_nothing(session: Any) -> None:
    reply = session("EVAL_RO \"return redis.call('SET', 'a', 1)\" 0")
    assert reply.startswith("-ERR Write commands are not allowed from read-only scripts. script: ")
    assert session("EXISTS a") == ":0"


def test_scripts_are_found_by_their_digest(session: Any) -> None:
    digest = session("SCRIPT LOAD 'return ARGV[1]'").split("\r\n")[1]
    assert session(f"EVALSHA {digest.upper()} 0 x").endswith("x")
    session("SCRIPT FLUSH")
    assert session(f"EVALSHA {digest} 0 x") == "-NOSCRIPT No matching script. Please use EVAL."


def test_replies_in_the_protocol_that_a_script_chooses(session: Any) -> None:
    script = "redis.setresp(3) redis.call('HSET', 'h', 'f', 'v') return redis.call('HGETALL', 'h')"
    session("HELLO 3")
    assert run(session, script).startswith("%1\r\n")
    assert run(session, "return redis.call('HGETALL', 'h')").startswith("*2\r\n")


def test_the_next_client_sees_nothing_of_a_script(
    session: Any, server: Any, connect: Callable[[Any], Any]
) -> None:
    run(session, "return KEYS[1]")
    other = connect(server)
    assert other.ask(*shlex.split("EVAL 'return #ARGV' 0")) == b":0\r\n"


def test_a_write_of_a_script_is_told_once(
    session: Any, server: Any, connect: Callable[[Any], Any]
) -> None:
    listener = connect(server)
    listener("PSUBSCRIBE __keyevent@0__:*")
    listener.sent.clear()
    run(session, "return redis.call('SET', 'a', 1)")
    assert len(listener.sent) == 1


LIBRARY = """#!lua name=lib
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function('pop', function(keys) return redis.call('LPOP', keys[1], 1) end)
"""


def test_functions_call_commands_that_count(session: Any) -> None:
    session.ask("FUNCTION", "LOAD", LIBRARY)
    assert session("FCALL put 1 a x") == "+OK"
    assert "calls=1," in session.fields("INFO commandstats")["cmdstat_set"]
    assert session("FCALL pop 1 missing") == "$-1"
    session("CONFIG SET maxmemory 1")
    assert session("FCALL put 1 a x").startswith("-OOM command not allowed")
