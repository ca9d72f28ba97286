from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.redis.emulation.info import human

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_monitoring_reads_is_there_and_live(session: Any) -> None:
    session("SET a x EX 100")
    session("GET a")
    session("GET b")
    info = session.fields("INFO")
    assert info["redis_version"] == "7.0.15"
    assert info["connected_clients"] == "1"
    assert (info["keyspace_hits"], info["keyspace_misses"]) == ("1", "1")
    assert info["total_commands_processed"] == "3"
    assert info["role"] == "master"
    assert info["loading"] == "0"
    assert info["rdb_last_bgsave_status"] == "ok"
    assert info["maxmemory_policy"] == "noeviction"
    assert re.fullmatch(r"keys=1,expires=1,avg_ttl=\d+", info["db0"])
    assert int(info["used_memory_rss"]) > 1_000_000


def test_used_memory_follows_the_data(session: Any) -> None:
    before = int(session.fields("INFO memory")["used_memory"])
    session.ask("SET", "a", "x" * 1_000_000)
    info = session.fields("INFO memory")
    assert 1_000_000 <= int(info["used_memory"]) - before < 1_100_000
    session("DEL a")
    after = session.fields("INFO memory")
    assert int(after["used_memory"]) == before
    assert after["used_memory_peak"] == info["used_memory"]


def test_uptime_and_expiry_follow_the_clock(session: Any, clock: Any) -> None:
    clock.seconds += 90_000
    info = session.fields("INFO server")
    assert (info["uptime_in_seconds"], info["uptime_in_days"]) == ("90000", "1")


def test_expired_keys_are_counted(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session("SET a x EX 100")
    later = time.time() + 200
    monkeypatch.setattr(time, "time", lambda: later)
    assert session("GET a") == "$-1"
    assert session.fields("INFO stats")["expired_keys"] == "1"


def test_one_section_or_several_can_be_asked_for(session: Any) -> None:
    assert session.ask("INFO", "Memory").count(b"# ") == 1
    assert session.ask("INFO", "server", "KEYSPACE").count(b"# ") == 2
    assert session.ask("INFO", "nonsense") == b"$0\r\n\r\n"
    assert b"# Commandstats" not in session.ask("INFO")
    assert b"# Commandstats" in session.ask("INFO", "everything")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1023, "1023B"), (1536, "1.50K"), (200 * 2**20, "200.00M")]
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert human(size) == text


def test_the_fields_are_those_of_a_real_server(
    session: Any, require: Callable[[str], str], tmp_path: Path
) -> None:
    with (
        subprocess.Popen(
            [require("redis-server"), "--port", "0", "--unixsocket", str(tmp_path / "s")],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        ) as child,
    ):
        try:
            real = _real_info(tmp_path / "s")
        finally:
            child.terminate()
    if not real.startswith("# Server\r\nredis_version:7.0."):
        pytest.skip("the fields of Redis 7.0 are compared, and another version is installed")
    own = session.ask("INFO", "all").split(b"\r\n", 1)[1].decode()
    assert _names(own) == _names(real)


def _real_info(path: Path) -> str:
    import redis

    for _attempt in range(200):
        try:
            with redis.Redis(unix_socket_path=str(path), protocol=2) as client:
                connection = client.connection_pool.get_connection()
                connection.send_command("INFO", "all")
                text = bytes(connection.read_response()).decode()
                client.connection_pool.release(connection)
                return text
        except redis.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("redis-server did not start")


def _names(info: str) -> list[str]:
    lines = [line.split(":")[0] for line in info.split("\r\n") if line]
    return [line for line in lines if not line.startswith(("cmdstat", "errorstat", "latency_per"))]
