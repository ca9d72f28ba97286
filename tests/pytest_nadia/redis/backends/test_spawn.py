from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.backends import folders, spawn
from pytest_nadia.redis.backends.blocking import BlockingClient
from pytest_nadia.redis.backends.errors import BackendError
from pytest_nadia.redis.backends.spawn import RealServer, spawn_server

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED_PARENT = """
import os, signal
from pytest_nadia.redis.backends.spawn import spawn_server
with spawn_server() as server:
    print(server.pid, server.socket_path, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def setting(server: RealServer, name: str) -> str:
    with BlockingClient(server.socket_path, 20) as client:
        reply = client.call("CONFIG", "GET", name)
    assert isinstance(reply, list)
    assert isinstance(reply[1], bytes)
    return reply[1].decode()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "\nState:\tZ" in status.read_text(encoding="utf-8"))


def start() -> None:
    with spawn_server():
        raise AssertionError("it must not start")


# A server that runs


def test_it_answers_on_a_unix_socket_and_on_a_loopback_port(server: RealServer) -> None:
    addresses = (server.socket_path, (server.host, server.port))
    for address in addresses:
        with BlockingClient(address, 20) as client:
            info = client.call("INFO", "server")
        assert f"process_id:{server.pid}\r\n".encode() in bytes(info)  # type: ignore[arg-type]
    assert server.host == "127.0.0.1"
    assert server.name == "redis"
    assert server.version >= (5,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("save", ""),
        ("appendonly", "no"),
        ("databases", "16"),
        ("bind", "127.0.0.1"),
        ("protected-mode", "yes"),
        ("loglevel", "warning"),
        ("unixsocketperm", "700"),
    ],
)
def test_it_stores_nothing_and_is_for_this_user(server: RealServer, name: str, value: str) -> None:
    assert setting(server, name) == value


def test_its_folder_is_private_and_its_working_folder(server: RealServer) -> None:
    folder = Path(server.socket_path).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path(setting(server, "dir")) == folder.resolve()


def test_it_is_gone_when_the_block_ends(redis_program: str) -> None:
    with spawn_server() as server:
        assert is_alive(server.pid)
    assert not is_alive(server.pid)
    assert not Path(server.socket_path).parent.exists()
    with closing(socket.socket()) as probe:
        assert probe.connect_ex((server.host, server.port)) != 0


def test_it_is_gone_when_the_block_raises(redis_program: str) -> None:
    with pytest.raises(ZeroDivisionError), spawn_server() as server:
        raise ZeroDivisionError
    assert not is_alive(server.pid)
    assert not Path(server.socket_path).parent.exists()


def test_a_stopped_server_is_ended_too(redis_program: str) -> None:
    with spawn_server() as server:
        os.kill(server.pid, signal.SIGSTOP)
    assert not is_alive(server.pid)


def test_one_that_ended_by_itself_is_no_error(redis_program: str) -> None:
    with spawn_server() as server:
        os.kill(server.pid, signal.SIGKILL)
    assert not Path(server.socket_path).parent.exists()


def test_an_interrupt_from_the_terminal_does_not_reach_it(server: RealServer) -> None:
    assert os.getsid(server.pid) != os.getsid(0)


# Ports


def test_parallel_starts_get_a_port_each(redis_program: str) -> None:
    all_run = threading.Barrier(8, timeout=60)

    def port_of_one() -> int:
        with spawn_server() as server:
            all_run.wait()
        return server.port

    with ThreadPoolExecutor(8) as pool:
        ports = [running.result() for running in [pool.submit(port_of_one) for _ in range(8)]]
    assert len(set(ports)) == 8


def test_a_port_that_was_taken_in_the_meantime_is_replaced(
    redis_program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((spawn.HOST, 0)) as taken:
        ports = iter([taken.getsockname()[1], spawn._free_port()])
        monkeypatch.setattr(spawn, "_free_port", lambda: next(ports))
        with spawn_server() as server:
            assert server.port != taken.getsockname()[1]


def test_it_gives_up_when_every_port_is_taken(
    redis_program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "_PORT_ATTEMPTS", 2)
    with socket.create_server((spawn.HOST, 0)) as taken:
        monkeypatch.setattr(spawn, "_free_port", lambda: taken.getsockname()[1])
        with pytest.raises(BackendError, match="found every port taken"):
            start()


# A parent that is killed


def killed_parent(env: dict[str, str]) -> tuple[int, Path]:
    run = subprocess.run(
        [sys.executable, "-c", KILLED_PARENT], env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    pid, path = run.stdout.split()
    return int(pid), Path(path).parent


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends it")
def test_it_dies_with_a_killed_parent_and_the_next_start_removes_its_folder(
    redis_program: str,
    clean_env: dict[str, str],
    temporary_folder: Path,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    pid, folder = killed_parent({**clean_env, "TMPDIR": str(temporary_folder)})
    eventually(lambda: not is_alive(pid))
    assert folder.exists()
    with spawn_server() as server:
        assert is_alive(server.pid)
        assert not folder.exists()
    assert list(temporary_folder.iterdir()) == []


def test_the_next_start_ends_a_server_that_outlived_its_parent(
    redis_program: str,
    clean_env: dict[str, str],
    put_on_path: Callable[[str, str], None],
    temporary_folder: Path,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    put_on_path("redis-server", f'#!/bin/sh\n{redis_program} "$@"\nexit\n')
    path = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary_folder)}
    pid, folder = killed_parent({**clean_env, **path})
    assert is_alive(pid)
    with spawn_server():
        eventually(lambda: not is_alive(pid))
        assert not folder.exists()


def test_a_start_leaves_running_servers_alone(redis_program: str, temporary_folder: Path) -> None:
    with spawn_server() as first, spawn_server():
        assert is_alive(first.pid)
        assert Path(first.socket_path).exists()


def test_a_folder_is_kept_while_its_lock_is_held_under_an_unknown_process_number(
    temporary_folder: Path,
) -> None:
    """A container that shares the folder numbers its processes in its own way."""
    with folders.private_folder() as folder:
        renamed = folder.rename(temporary_folder / f"{folders.PREFIX}999999999-x")
        folders.sweep_folders()
        assert renamed.exists()
    folders.sweep_folders()
    assert not renamed.exists()


def test_a_folder_that_its_maker_had_no_time_to_lock_is_kept_while_the_maker_runs(
    temporary_folder: Path,
) -> None:
    mine = temporary_folder / f"{folders.PREFIX}{os.getpid()}-x"
    mine.mkdir()
    stale = temporary_folder / f"{folders.PREFIX}999999999-x"
    stale.mkdir()
    folders.sweep_folders()
    assert list(temporary_folder.iterdir()) == [mine]


def test_the_folder_of_another_user_and_other_things_are_kept(
    temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = temporary_folder / f"{folders.PREFIX}999999999-x"
    stale.mkdir()
    other = temporary_folder / "something-else"
    other.mkdir()
    link = temporary_folder / f"{folders.PREFIX}999999999-link"
    link.symlink_to(other)
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: 4242)
        folders.sweep_folders()
    assert stale.exists()
    folders.sweep_folders()
    assert not stale.exists()
    assert other.exists()
    assert link.is_symlink()


# No server


def test_a_missing_program_says_what_to_install(put_on_path: Callable[[str, str], None]) -> None:
    with pytest.raises(BackendError) as caught:
        start()
    assert str(caught.value) == (
        "redis-server not found: install it (apt install redis-server, brew install redis) "
        "or pass --nadia-redis=embedded"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "#!/bin/sh\necho first\necho the last word >&2\nexit 3",
            r"\(exit code 3\): the last word$",
        ),
        ("#!/bin/sh\nkill -SEGV $$", r"\(signal 11\): it wrote nothing$"),
        ("#!/bin/sh\nexit 0", r"\(exit code 0\): it wrote nothing$"),
        ("\x7fELF nonsense", r"\(exit code 1\): .*redis-server: Exec format error$"),
        ("#!/no/such/shell\n", r"\(exit code 1\): .*redis-server: No such file or directory$"),
        (
            "#!/bin/sh\necho '12:M 23 Nov 2026 23:12:01.123 # out of luck'\nexit 1",
            r"\(exit code 1\): out of luck$",
        ),
    ],
)
def test_a_server_that_does_not_start_is_told_with_its_reason(
    put_on_path: Callable[[str, str], None], temporary_folder: Path, text: str, reason: str
) -> None:
    put_on_path("redis-server", text)
    with pytest.raises(BackendError, match=f"redis-server did not start {reason}") as caught:
        start()
    assert "\n" not in str(caught.value)
    assert list(temporary_folder.iterdir()) == []


def test_an_option_that_the_server_refuses_is_named(
    redis_program: str, put_on_path: Callable[[str, str], None]
) -> None:
    put_on_path("redis-server", f'#!/bin/sh\nexec {redis_program} "$@" --databases none\n')
    with pytest.raises(BackendError, match=r"\(exit code 1\): .*(argument|number)"):
        start()


def test_a_server_that_does_not_answer_is_ended(
    put_on_path: Callable[[str, str], None],
    temporary_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spawn, "_SECONDS_TO_START", 0.3)
    pid_file = temporary_folder.with_name("pid")
    put_on_path("redis-server", f"#!/bin/sh\necho $$ > {pid_file}\necho busy\nwhile :; do :; done")
    with pytest.raises(BackendError, match=r"redis-server did not answer within 0.3 s: busy$"):
        start()
    assert not is_alive(int(pid_file.read_text(encoding="utf-8")))
    assert list(temporary_folder.iterdir()) == []


def test_a_temporary_folder_with_too_long_a_path_is_named(
    redis_program: str, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = temporary_folder / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with pytest.raises(BackendError, match=r"set TMPDIR to a shorter one$"):
        start()
    assert list(long.iterdir()) == []


# Valkey


def test_valkey_serves_where_there_is_no_redis(
    redis_program: str, put_on_path: Callable[[str, str], None]
) -> None:
    put_on_path("valkey-server", f'#!/bin/sh\nexec {redis_program} "$@"\n')
    with spawn_server() as server:
        assert server.name == "valkey"
        assert is_alive(server.pid)


def test_redis_is_preferred(redis_program: str, put_on_path: Callable[[str, str], None]) -> None:
    put_on_path("valkey-server", "#!/bin/sh\nexit 1\n")
    put_on_path("redis-server", f'#!/bin/sh\nexec {redis_program} "$@"\n')
    with spawn_server() as server:
        assert server.name == "redis"
