from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.backends.blocking import BlockingClient
from pytest_nadia.redis.backends.spawn import RealServer, spawn_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@pytest.fixture
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where servers make their folders in this test; its path is short, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def redis_program(require: Callable[[str], str]) -> str:
    """Path of the real server; to be requested before `put_on_path`."""
    return require("redis-server")


@pytest.fixture
def put_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes PATH hold nothing but the shell scripts that it is given."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name: str, text: str) -> None:
        program = tmp_path / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)

    return put


@pytest.fixture
def server_with(
    redis_program: str, put_on_path: Callable[[str, str], None]
) -> Callable[[str], AbstractContextManager[RealServer]]:
    """Starts a server with more options than `spawn_server` gives it."""

    @contextmanager
    def start(options: str) -> Iterator[RealServer]:
        put_on_path("redis-server", f'#!/bin/sh\nexec {redis_program} "$@" {options}\n')
        with spawn_server() as server:
            yield server

    return start


@pytest.fixture
def server(redis_program: str) -> Iterator[RealServer]:
    with spawn_server() as running:
        yield running


@pytest.fixture
def admin(server: RealServer) -> Iterator[BlockingClient]:
    """A connection to the server that no lease limits."""
    with BlockingClient(server.socket_path, 20) as client:
        yield client
