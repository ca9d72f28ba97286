from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def counts(session: Any, name: str) -> dict[str, int]:
    line = session.fields("INFO commandstats").get(f"cmdstat_{name}", "")
    pairs = [pair.split("=") for pair in line.split(",") if pair]
    return {key: int(value) for key, value in pairs if key.endswith("calls")}


def test_calls_failures_and_rejections_are_told_apart(session: Any) -> None:
    session("SET a x")
    session("LPUSH a y")
    session("GET")
    session("NOSUCH")
    assert counts(session, "set") == {"calls": 1, "rejected_calls": 0, "failed_calls": 0}
    assert counts(session, "lpush") == {"calls": 1, "rejected_calls": 0, "failed_calls": 1}
    assert counts(session, "get") == {"calls": 0, "rejected_calls": 1, "failed_calls": 0}
    assert counts(session, "nosuch") == {}
    assert session.fields("INFO errorstats")["errorstat_ERR"] == "count=2"


def test_queued_commands_count_when_they_run(session: Any) -> None:
    session("MULTI")
    session("SET a x")
    assert counts(session, "set") == {}
    session("DISCARD")
    for line in ("MULTI", "SET a x", "SET a y", "EXEC"):
        session(line)
    assert counts(session, "set")["calls"] == 2
    assert counts(session, "exec") == {"calls": 1, "rejected_calls": 0, "failed_calls": 0}


def test_commands_of_scripts_count(session: Any) -> None:
    session("EVAL \"redis.call('SET', 'a', 1) return redis.call('INCR', 'a')\" 0")
    assert counts(session, "set")["calls"] == counts(session, "incr")["calls"] == 1
    session("EVAL \"return redis.call('LPUSH', 'a', 1)\" 0")
    assert counts(session, "eval") == {"calls": 2, "rejected_calls": 0, "failed_calls": 1}
    # One error, though two commands failed by it.
    assert session.fields("INFO stats")["total_error_replies"] == "1"


def test_sub_commands_have_a_line_of_their_own(session: Any) -> None:
    session("CONFIG GET maxmemory")
    assert counts(session, "config|get")["calls"] == 1


def test_resetstat_starts_again(session: Any) -> None:
    session("SET a x")
    session("CONFIG RESETSTAT")
    assert counts(session, "set") == {}
    session("SET a x")
    assert counts(session, "set")["calls"] == 1


def test_connections_are_counted(session: Any, server: Any, connect: Callable[[Any], Any]) -> None:
    other = connect(server)
    assert session.fields("INFO clients")["connected_clients"] == "2"
    other.close()
    info = session.fields("INFO")
    assert (info["connected_clients"], info["total_connections_received"]) == ("1", "2")
