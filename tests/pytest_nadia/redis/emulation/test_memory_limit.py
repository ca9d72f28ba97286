from __future__ import annotations

import time
from typing import Any

import pytest

OOM = "-OOM command not allowed when used memory > 'maxmemory'."


def limit(session: Any, extra: int) -> None:
    used = int(session.fields("INFO memory")["used_memory"])
    assert session(f"CONFIG SET maxmemory {used + extra}") == "+OK"


def test_writes_are_refused_over_the_limit_and_reads_are_not(session: Any) -> None:
    limit(session, 10_000)
    assert session(f"SET a {'x' * 20_000}") == "+OK"
    assert session("SET b x") == OOM
    assert session("GET b") == "$-1"
    assert session("DEL a") == ":1"
    assert session("SET b x") == "+OK"


def test_what_is_queued_is_refused_at_once(session: Any) -> None:
    session("CONFIG SET maxmemory 1")
    assert session("MULTI") == "+OK"
    assert session("GET a") == OOM
    aborted = "-EXECABORT Transaction discarded because of previous errors."
    assert session("EXEC") == aborted


def test_a_transaction_that_grew_too_late_is_refused_at_its_end(session: Any) -> None:
    session("MULTI")
    session("SET a x")
    session.state.set_parameters({"maxmemory": "1"})
    assert session("EXEC") == f"-EXECABORT Transaction discarded because of: {OOM[1:]}"
    assert session("EXEC") == "-ERR EXEC without MULTI"


def test_scripts_fail_where_they_write(session: Any) -> None:
    session("CONFIG SET maxmemory 1")
    reply = session("EVAL \"return redis.call('SET', 'a', 1)\" 0")
    assert reply.startswith(f"{OOM} script: ")
    assert session("EVAL \"return redis.call('GET', 'a')\" 0") == "$-1"
    assert session("EVAL '#!lua\nreturn 1' 0") == OOM
    assert session("EVAL '#!lua flags=allow-oom\nreturn 1' 0") == ":1"


def test_a_script_that_has_written_is_not_stopped_half_way(session: Any) -> None:
    session("SET a 1")
    session("CONFIG SET maxmemory 1")
    moves = "redis.call('DEL', 'a') return redis.call('SET', 'b', 1)"
    assert session(f'EVAL "{moves}" 0') == "+OK"
    assert session("EXISTS a b") == ":1"
    assert session("EVAL \"return redis.call('SET', 'a', 1)\" 0").startswith(OOM)


def test_a_script_that_declares_so_writes_beyond_the_limit(session: Any) -> None:
    session("CONFIG SET maxmemory 1")
    assert session("EVAL \"#!lua flags=allow-oom\nreturn redis.call('SET', 'a', 1)\" 0") == "+OK"


def test_the_oldest_keys_give_way(session: Any) -> None:
    session("CONFIG SET maxmemory-policy allkeys-lru")
    session(f"SET old {'x' * 10_000}")
    session(f"SET new {'x' * 10_000}")
    limit(session, 100)
    session(f"SET a {'x' * 1_000}")
    assert session("SET b x") == "+OK"
    assert session("EXISTS old new") == ":1"
    assert session.fields("INFO stats")["evicted_keys"] == "1"


def test_only_keys_that_expire_give_way_and_the_nearest_first(session: Any) -> None:
    session("CONFIG SET maxmemory-policy volatile-ttl")
    session(f"SET kept {'x' * 10_000}")
    session(f"SET later {'x' * 10_000} EX 2000")
    session(f"SET soon {'x' * 10_000} EX 1000")
    limit(session, 100)
    session(f"SET a {'x' * 1_000}")
    assert session("SET b x") == "+OK"
    assert [session(f"EXISTS {key}") for key in ("kept", "later", "soon")] == [":1", ":1", ":0"]
    session("CONFIG SET maxmemory 1")
    assert session("SET b x") == OOM
    assert session("EXISTS kept later") == ":1"


def test_an_unknown_policy_is_an_error(session: Any) -> None:
    reply = session("CONFIG SET maxmemory-policy keep-everything")
    assert "argument(s) must be one of the following: volatile-lru, volatile-lfu" in reply
    assert session("CONFIG GET maxmemory-policy").endswith("noeviction")


@pytest.mark.parametrize(
    "line",
    ["SET a {}", "RPUSH a {}", "HSET a f {}", "SADD a {}", "ZADD a 1 {}", "XADD a 1-1 f {}"],
)
def test_every_type_weighs(session: Any, line: str) -> None:
    limit(session, 50_000)
    session(line.format("x" * 100_000))
    assert session("SET b x") == OOM
    session("FLUSHALL")
    assert session("SET b x") == "+OK"


@pytest.mark.slow
def test_a_limit_costs_no_pass_over_all_keys(session: Any) -> None:
    def measure(count: int) -> float:
        session("FLUSHALL")
        start = time.perf_counter()
        for number in range(count):
            session.ask(b"SET", b"key%d" % number, b"value")
        return (time.perf_counter() - start) / count

    session("CONFIG SET maxmemory 1gb")
    measure(1_000)
    assert measure(20_000) < 10 * measure(1_000)
