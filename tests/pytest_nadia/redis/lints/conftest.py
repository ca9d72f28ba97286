from __future__ import annotations

import socket
import threading
from ast import literal_eval
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pytest_nadia.redis import commands
from pytest_nadia.redis.lints.evidence import Evidence
from pytest_nadia.redis.settings import RedisSettings
from pytest_nadia.redis.wire import CommandRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLUGIN = """
import pytest
from pathlib import Path

from pytest_nadia.redis.connections import watch_connections
from pytest_nadia.redis.lints.evidence import Evidence
from pytest_nadia.redis.lints.gathering import seen_connections
from pytest_nadia.redis.lints.registry import lint
from pytest_nadia.redis.settings import RedisSettings

FOUND = []
PORT = {port}


@pytest.fixture(scope="session")
def port():
    return PORT


class Plugin:
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        with watch_connections() as self.connections:
            self.connections.give(("127.0.0.1", PORT))
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item):
        result = yield
        path, line, _ = item.location
        evidence = Evidence(
            root=item.config.rootpath, path=path, line=line + 1, test=item.name,
            settings=RedisSettings(), connections=seen_connections(self.connections),
            foreign=tuple(self.connections.foreign()),
        )
        FOUND.extend((one.rule, one.path, one.line, one.message) for one in lint(evidence))
        return result


def pytest_configure(config):
    config.pluginmanager.register(Plugin())


def pytest_terminal_summary(terminalreporter):
    for found in FOUND:
        terminalreporter.line("FOUND %r" % (found,))
"""


@pytest.fixture
def record() -> Callable[..., CommandRecord]:
    """A command as the front would record it, from the line that a person would type."""
    numbers = iter(range(1, 1_000_000))

    def make(line: str, **changes: Any) -> CommandRecord:
        fields = line.encode().split()
        name = commands.name_of(fields)
        number = next(numbers)
        plain = CommandRecord(
            number=number,
            name=name,
            arguments=tuple(fields[1 + name.count(" ") :]),
            key=commands.key_of(name, fields),
            database=0,
            connection=1,
            trip=number,
            request_bytes=len(line),
            reply_bytes=5,
            started=0.0,
            seconds=0.0,
            outcome="ok",
            reply=b"+OK\r\n",
            handshake=False,
        )
        return msgspec.structs.replace(plain, **changes)

    return make


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """What a test at tests/test_bot.py:12 did."""
    plain = Evidence(
        root=Path("/project"),
        path="tests/test_bot.py",
        line=12,
        test="test_bot",
        settings=RedisSettings(),
    )
    return lambda **changes: replace(plain, **changes)


@pytest.fixture
def port() -> Iterator[int]:
    """Answers every command with +PONG, which is enough of a Redis to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def serve(listener: socket.socket) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(client,), daemon=True).start()


def answer(client: socket.socket) -> None:
    with client:
        try:
            while data := client.recv(4096):
                client.sendall(b"+PONG\r\n" * data.count(b"*"))
        except OSError:
            return


@pytest.fixture
def found_in(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, port: int
) -> Callable[..., dict[str, list[tuple[str, int, str]]]]:
    """Runs test modules in a pytest of their own: rule, line and message of what is found."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(sources: dict[str, str], *options: str) -> dict[str, list[tuple[str, int, str]]]:
        names = {f"test_{number}.py": name for number, name in enumerate(sources)}
        pytester.makeconftest(PLUGIN.replace("{port}", str(port)))
        for path, name in names.items():
            pytester.path.joinpath(path).write_text(sources[name])
        result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", *options)
        assert result.parseoutcomes().get("passed", 0) >= len(sources)
        assert not result.parseoutcomes().get("errors", 0)
        found: dict[str, list[tuple[str, int, str]]] = {name: [] for name in sources}
        for line in result.outlines:
            if line.startswith("FOUND "):
                rule, path, *rest = literal_eval(line.removeprefix("FOUND "))
                found[names[path]].append((rule, *rest))
        return found

    return run
