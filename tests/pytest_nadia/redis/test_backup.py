from __future__ import annotations

import base64
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
import redis
import redis.asyncio

from pytest_nadia.redis.backup import assert_backup_roundtrip
from pytest_nadia.redis.process import run_front

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from pytest_nadia.redis.process import Front

pytestmark = pytest.mark.redis(off=True)

Kind = Literal["embedded", "server"]


@dataclass(frozen=True)
class Server:
    front: Front

    @property
    def url(self) -> str:
        return self.front.url


@pytest.fixture(scope="module")
def server_of() -> Iterator[Callable[[Kind], Server]]:
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def find(kind: Kind) -> Server:
            if kind not in servers:
                servers[kind] = Server(stack.enter_context(run_front(kind)))
            servers[kind].front.reset()
            return servers[kind]

        yield find


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.slow)])
def server(
    request: pytest.FixtureRequest,
    server_of: Callable[[Kind], Server],
    require: Callable[[str], str],
) -> Server:
    if request.param == "server":
        require("redis-server")
    return server_of(request.param)


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as connected:
        yield connected


class Dumps:
    """A right backup: what DUMP gives, and a restore that empties first."""

    def __init__(self, client: redis.Redis, pattern: str = "*") -> None:
        self.client = client
        self.pattern = pattern
        self.kept: list[tuple[bytes, bytes, int]] = []

    def backup(self) -> None:
        self.kept = [
            (key, dump, max(self.client.pttl(key), 0))
            for key in self.client.scan_iter(self.pattern)
            if (dump := self.client.dump(key)) is not None
        ]

    def restore(self) -> None:
        self.clear()
        for key, dump, ttl in self.kept:
            self.client.restore(key, ttl, dump, replace=True)

    def clear(self) -> None:
        self.client.flushdb()


class WithoutExpiry(Dumps):
    def backup(self) -> None:
        super().backup()
        self.kept = [(key, dump, 0) for key, dump, _ in self.kept]


class WithoutClearing(Dumps):
    def clear(self) -> None:
        pass


class Json(Dumps):
    """Reads each type with its own commands, and knows no streams. Restores item by item."""

    data: str

    def backup(self) -> None:
        found = [
            [self.text(k), self.client.pttl(k), *self.read(k)] for k in self.client.scan_iter()
        ]
        self.data = json.dumps([row for row in found if len(row) > 2])

    def read(self, key: bytes) -> list[Any]:
        kind = self.run("TYPE", key).decode()
        match kind:
            case "string":
                return [kind, [self.text(self.run("GET", key))]]
            case "list":
                return [kind, [self.text(item) for item in self.run("LRANGE", key, 0, -1)]]
            case "set":
                return [kind, [self.text(member) for member in self.run("SMEMBERS", key)]]
            case "hash":
                pairs = self.run("HGETALL", key).items()
                return [kind, [self.text(part) for pair in pairs for part in pair]]
        return []

    def restore(self) -> None:
        self.clear()
        commands = {"string": "SET", "list": "RPUSH", "set": "SADD", "hash": "HSET"}
        for key, ttl, kind, items in json.loads(self.data):
            parts = [self.bytes(item) for item in items]
            self.run(commands[kind], self.bytes(key), *parts)
            if ttl > 0:
                self.client.pexpire(self.bytes(key), ttl)

    def run(self, *command: Any) -> Any:
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]

    def text(self, value: bytes) -> str:
        return base64.b64encode(value).decode()

    def bytes(self, value: str) -> bytes:
        return base64.b64decode(value)


class JsonThatAppends(Json):
    def clear(self) -> None:
        for key in self.client.scan_iter():
            if self.client.type(key) != b"list":
                self.client.delete(key)


class JsonOfText(Json):
    def text(self, value: bytes) -> str:
        return value.decode()

    def bytes(self, value: str) -> bytes:
        return value.encode()


class JsonOfAnyText(JsonOfText):
    def text(self, value: bytes) -> str:
        return value.decode(errors="replace")


class Stale(Dumps):
    """The second backup writes nothing, and the file of the first one is restored."""

    def backup(self) -> None:
        if not self.kept:
            super().backup()


class BackupThatMoves(Dumps):
    def backup(self) -> None:
        super().backup()
        self.client.rename("string:text", "string:moved")


class TwoKeysMerged(Dumps):
    """A restore that leaves other fields of a hash in place."""

    def clear(self) -> None:
        fields = self.client.hgetall("hash:text")
        super().clear()
        self.stale = {name: value for name, value in fields.items() if b"only" in name}

    def restore(self) -> None:
        super().restore()
        if self.stale:
            self.client.hset("hash:text", mapping=self.stale)  # type: ignore[arg-type]


def failure(server: Server, tool: Dumps, **options: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_backup_roundtrip(server, tool.backup, tool.restore, **options)
    return str(caught.value)


# Healthy


def test_a_right_backup_passes(server: Server, client: redis.Redis) -> None:
    tool = Dumps(client)
    assert assert_backup_roundtrip(server, tool.backup, tool.restore) is None


@pytest.mark.slow
def test_a_right_backup_of_several_databases_passes(server: Server) -> None:
    with ExitStack() as stack:
        clients = [redis.Redis(port=server.front.port, db=n) for n in (0, 3)]
        tools = [Dumps(stack.enter_context(client)) for client in clients]

        def backup() -> None:
            for tool in tools:
                tool.backup()

        def restore() -> None:
            for tool in tools:
                tool.restore()

        assert_backup_roundtrip(
            server,
            backup,
            restore,
            databases=(0, 3),
        )
        text = failure(server, tools[0], databases=(0, 3))
    assert ", and " in text
    assert "list (6): db 3 'list:binary', db 3 'list:expires'" in text


# Planted faults


def test_types_that_are_skipped_are_lost(server: Server, client: redis.Redis) -> None:
    text = failure(server, Json(client))
    assert "lost keys:\n" in text
    assert "  stream (5): 'stream:emptied', 'stream:expires', 'stream:groups'" in text
    assert "  zset (" in text
    assert "string (" not in text
    assert "mixes up" not in text


def test_expiry_that_is_forgotten(server: Server, client: redis.Redis) -> None:
    text = failure(server, WithoutExpiry(client))
    assert "lost or changed expiry:\n" in text
    for kind in ("string", "list", "set", "zset", "hash", "stream"):
        assert f"~ db 0 '{kind}:expires' expiry lost, was 20" in text
    assert "lost keys" not in text
    assert "changed values" not in text


def test_lists_that_grow_at_each_restore(server: Server, client: redis.Redis) -> None:
    text = failure(server, JsonThatAppends(client))
    mixed = text.partition("restored over existing data, it mixes up:\n")[2]
    assert "list db 0 'list:queue'" in mixed
    assert "'hash:" not in mixed


def test_a_restore_that_does_not_empty_first(server: Server, client: redis.Redis) -> None:
    text = failure(server, WithoutClearing(client))
    assert text.splitlines()[1] == "restored over existing data, it mixes up:"
    assert "stale keys survive (6): 'hash:only-" in text


def test_hashes_that_are_merged(server: Server, client: redis.Redis) -> None:
    text = failure(server, TwoKeysMerged(client), seed=7)
    assert text.splitlines() == [
        "backup and restore do not give back what was there (seed=7):",
        "restored over existing data, it mixes up:",
        "  ~ hash db 0 'hash:text' field 'field:only-8': added ':only-8'",
    ]


def test_a_backup_that_cannot_read_bytes(server: Server, client: redis.Redis) -> None:
    assert "the backup failed: UnicodeDecodeError: 'utf-8' codec" in failure(
        server, JsonOfText(client)
    )


def test_a_backup_that_damages_bytes(server: Server, client: redis.Redis) -> None:
    text = failure(server, JsonOfAnyText(client))
    assert "~ string db 0 'string:binary': b'" in text
    assert "string (1): b'string:binary-key" in text


def test_a_backup_of_some_keys_only(server: Server, client: redis.Redis) -> None:
    text = failure(server, Dumps(client, "user:*"))
    assert "  list (6): 'list:binary', 'list:expires', 'list:large'" in text
    assert "user:1" not in text


def test_a_backup_that_does_nothing(server: Server) -> None:
    with pytest.raises(AssertionError, match="lost keys:"):
        assert_backup_roundtrip(server, lambda: None, lambda: None)


def test_an_old_backup_is_noticed(server: Server, client: redis.Redis) -> None:
    tool = Stale(client)
    assert_backup_roundtrip(server, tool.backup, tool.restore, seed=1)
    assert "changed values" in failure(server, tool, seed=2)


def test_a_backup_that_changes_the_data(server: Server, client: redis.Redis) -> None:
    text = failure(server, BackupThatMoves(client))
    assert "the backup itself changed the data:\n  + db 0 'string:moved'" in text


def test_a_restore_that_fails_over_existing_data(server: Server, client: redis.Redis) -> None:
    tool = Dumps(client)

    def restore() -> None:
        if client.exists("string:text"):
            raise RuntimeError("the key is taken")
        tool.restore()

    with pytest.raises(AssertionError, match="it failed: RuntimeError: the key is taken"):
        assert_backup_roundtrip(server, tool.backup, restore)


# Asynchronous functions


def test_async_functions(
    server: Server, run_async: Callable[[Coroutine[None, None, None]], None]
) -> None:
    async def check() -> None:
        kept: list[tuple[bytes, bytes, int]] = []
        async with redis.asyncio.Redis.from_url(server.url) as client:

            async def backup() -> None:
                async for key in client.scan_iter():
                    dump = await client.dump(key)
                    assert dump is not None
                    kept.append((key, dump, max(await client.pttl(key), 0)))

            async def restore() -> None:
                await client.flushdb()
                for key, dump, ttl in kept:
                    await client.restore(key, ttl, dump)

            await assert_backup_roundtrip(server, backup, restore)
            with pytest.raises(AssertionError, match="lost keys"):
                await assert_backup_roundtrip(server, backup, lambda: None)

    run_async(check())


# Commands


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    def write(text: str) -> list[str]:
        path = tmp_path / "tool.py"
        path.write_text(text)
        return [sys.executable, str(path)]

    return write


TOOL = """
import os, pathlib, pickle, sys
import redis

client = redis.Redis.from_url(os.environ["REDIS_URL"])
file = pathlib.Path(sys.argv[2])
if sys.argv[1] == "backup":
    keys = client.keys()
    file.write_bytes(pickle.dumps([(k, max(client.pttl(k), 0), client.dump(k)) for k in keys]))
else:
    client.flushdb()
    for key, ttl, dump in pickle.loads(file.read_bytes()):
        client.restore(key, ttl, dump)
"""


def test_commands(server: Server, script: Callable[[str], list[str]], tmp_path: Path) -> None:
    tool, file = script(TOOL), str(tmp_path / "backup file")
    restore = f"{sys.executable} '{tmp_path}/tool.py' restore '{file}'"
    assert_backup_roundtrip(server, [*tool, "backup", file], restore)


def test_a_command_that_fails_shows_what_it_printed(
    server_of: Callable[[Kind], Server], script: Callable[[str], list[str]]
) -> None:
    tool = script("print('one'); print('no space left'); raise SystemExit(3)")
    with pytest.raises(AssertionError) as caught:
        assert_backup_roundtrip(server_of("embedded"), tool, tool)
    assert "gave exit code 3; it printed, at the end:" in str(caught.value)
    assert str(caught.value).endswith("    one\n    no space left")


def test_a_command_that_hangs(
    server_of: Callable[[Kind], Server], script: Callable[[str], list[str]]
) -> None:
    tool = script("import time; time.sleep(600)")
    with pytest.raises(AssertionError, match=r"did not end within 0\.3 s; it printed nothing"):
        assert_backup_roundtrip(server_of("embedded"), tool, tool, seconds=0.3)


def test_commands_that_cannot_be_run(server_of: Callable[[Kind], Server]) -> None:
    with pytest.raises(AssertionError, match="`no-such-program` cannot be run: "):
        assert_backup_roundtrip(server_of("embedded"), "no-such-program", "true")
    with pytest.raises(ValueError, match="an empty command"):
        assert_backup_roundtrip(server_of("embedded"), "", "true")


@pytest.mark.parametrize(
    ("backup", "restore", "named"), [(None, None, "backup"), ("true", 7, "restore")]
)
def test_what_is_neither_function_nor_command(
    server_of: Callable[[Kind], Server], backup: Any, restore: Any, named: str
) -> None:
    pattern = rf"^{named} is a function without arguments or a command, not (None|7)$"
    with pytest.raises(TypeError, match=pattern):
        assert_backup_roundtrip(server_of("embedded"), backup, restore)
