"""The embedded Redis against a real one: the same random programs must get the same replies.

The commands are lines of data/grammar.txt, and what they are filled with is in data/pools.toml.
Differences that are known, and stay, are entries of data/divergences.toml.
A long run: NADIA_DIFFERENTIAL=5000 pytest -m slow tests/pytest_nadia/redis/test_differential.py
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import time
import tomllib
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_nadia.redis.process import run_front

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DATA = Path(__file__).parent / "data"
_LONG_RUN = int(os.environ.get("NADIA_DIFFERENTIAL", "450"))
_WORD = re.compile(rb"\{(\w+)\}")
_SECONDS_TO_START = 20.0
_DEFAULTS = (
    "CONFIG SET maxmemory 0 maxmemory-policy noeviction hz 10 timeout 0 appendonly no "
    "hash-max-listpack-entries 512 slowlog-max-len 128 save ''"
)

Reply = tuple[str, Any]
Command = tuple[bytes, ...]


@dataclass(frozen=True)
class Line:
    """One line of the grammar; `second` sends it over a second connection."""

    second: bool
    words: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    second: bool
    command: Command

    def __repr__(self) -> str:
        words = " ".join(repr(word)[1:] for word in self.command)
        return f"2> {words}" if self.second else words


def _grammar() -> list[Line]:
    text = (_DATA / "grammar.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [
        Line(line.startswith("2> "), tuple(shlex.split(line.removeprefix("2> ")))) for line in lines
    ]


_POOLS: dict[str, list[str]] = tomllib.loads((_DATA / "pools.toml").read_text(encoding="utf-8"))
_KNOWN: list[dict[str, Any]] = tomllib.loads(
    (_DATA / "divergences.toml").read_text(encoding="utf-8")
)["divergence"]
_LINES = _grammar()


@st.composite
def steps(draw: st.DrawFn) -> Step:
    line = draw(st.sampled_from(_LINES))

    def choose(match: re.Match[bytes]) -> bytes:
        return draw(st.sampled_from(_POOLS[match[1].decode()])).encode()

    return Step(line.second, tuple(_WORD.sub(choose, word.encode()) for word in line.words))


programs = st.lists(steps(), min_size=3, max_size=16)


class Peer:
    """A connection that shows replies as they are on the wire."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_SECONDS_TO_START)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, command: Command) -> Reply:
        head = b"*%d\r\n" % len(command)
        self._socket.sendall(head + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in command))
        return self._read()

    def tell(self, line: str) -> Reply:
        return self.ask(tuple(word.encode() for word in shlex.split(line)))

    def _read(self) -> Reply:
        line = self._file.readline()
        assert line.endswith(b"\r\n"), f"the server closed the connection after {line!r}"
        kind, text = chr(line[0]), line[1:-2]
        if kind in "$=":
            size = int(text)
            return (kind, self._file.read(size + 2)[:-2]) if size >= 0 else (kind, None)
        if kind in "*~%>":
            count = int(text) * (2 if kind == "%" else 1)
            return (kind, [self._read() for _ in range(count)] if count >= 0 else None)
        return kind, text


class Server:
    """Two connections to one server."""

    def __init__(self, path: str) -> None:
        self.peers = Peer(path), Peer(path)

    def close(self) -> None:
        for peer in self.peers:
            peer.close()

    def start_program(self, protocol: int) -> None:
        for peer in self.peers:
            peer.tell("RESET")
        first = self.peers[0]
        for line in ("FLUSHALL", _DEFAULTS, "SCRIPT FLUSH", "CONFIG RESETSTAT", "SLOWLOG RESET"):
            assert first.tell(line)[0] == "+"
        for peer in self.peers:
            peer.tell(f"HELLO {protocol}")

    def run(self, step: Step) -> Reply:
        return self.peers[step.second].ask(step.command)


@dataclass
class Servers:
    real: Server
    embedded: Server

    def start_program(self, protocol: int) -> None:
        self.real.start_program(protocol)
        self.embedded.start_program(protocol)

    def differences(self, program: list[Step], protocol: int) -> list[Difference]:
        """What differs and is not known, in the order of the commands."""
        self.start_program(protocol)
        found = []
        for step in program:
            real, embedded = self.real.run(step), self.embedded.run(step)
            if comparable(step.command, real) != comparable(step.command, embedded):
                found.append(Difference(step.command, real, embedded))
        return [difference for difference in found if not difference.is_known()]


@dataclass(frozen=True)
class Difference:
    command: Command
    real: Reply
    embedded: Reply

    @property
    def kind(self) -> str:
        failed = (self.real[0] == "-") + (self.embedded[0] == "-")
        return ("value", "error", "text")[failed]

    def is_known(self) -> bool:
        return any(self.is_told_by(entry) for entry in _KNOWN)

    def is_told_by(self, entry: dict[str, Any]) -> bool:
        names = entry["commands"]
        return (
            (not names or self.command[0].decode("latin-1").upper() in names)
            and (not entry["word"] or entry["word"].encode() in self.command)
            and entry["differs"] == self.kind
            and re.search(entry["real"], rendered(self.real)) is not None
            and re.search(entry["embedded"], rendered(self.embedded)) is not None
        )


def rendered(reply: Reply) -> str:
    kind, value = reply
    if isinstance(value, list):
        return " ".join([kind, *(rendered(item) for item in value)])
    return f"{kind}{'nil' if value is None else value.decode('latin-1')}"


_UNORDERED = frozenset(
    {"SMEMBERS", "SINTER", "SUNION", "SDIFF", "HKEYS", "HVALS", "KEYS", "PUBSUB"}
)
_PAIRED = frozenset({"HGETALL", "CONFIG"})
_SCANS = frozenset({"SCAN", "HSCAN", "SSCAN", "ZSCAN"})
_UNSTEADY_FIELDS = (b"idle", b"inactive", b"radix-tree-keys", b"radix-tree-nodes")
_UNSTEADY = frozenset({"LASTSAVE", "TIME", "MEMORY", "ROLE"})


def comparable(command: Command, reply: Reply) -> object:
    """The reply without what is random, or depends on the moment."""
    name = command[0].decode("latin-1").upper()
    kind, value = reply
    if kind == ":":
        return _without_moment(name, reply)
    if not isinstance(value, list) or not value:
        return reply
    if name in _UNORDERED or name in _PAIRED or name in _SCANS or name == "EXEC":
        return kind, _sorted(value, pairs=name in _PAIRED)
    if name == "XPENDING" and value[0][0] == "*":
        return kind, [(*entry[1][:2], entry[1][3]) for entry in value]
    if name == "XINFO":
        return _masked(reply)
    return (kind, name) if name in _UNSTEADY else reply


def _without_moment(name: str, reply: Reply) -> object:
    """Moments of now, in seconds or milliseconds, may differ by what the two servers need."""
    number = int(reply[1])
    for unit in (1, 1000):
        if abs(number / unit - time.time()) < 5000:
            return "a moment"
    return ":" if name in _UNSTEADY else reply


def _sorted(values: list[Reply], pairs: bool) -> list[str]:
    if pairs:
        couples = zip(values[::2], values[1::2], strict=True)
        return sorted(f"{rendered(key)} {rendered(value)}" for key, value in couples)
    return sorted(" ".join(sorted(rendered(value).split(" "))) for value in values)


def _masked(reply: Reply) -> object:
    kind, value = reply
    if not isinstance(value, list):
        return reply
    hidden = {at + 1 for at, item in enumerate(value) if item[1] in _UNSTEADY_FIELDS}
    return kind, ["" if at in hidden else _masked(item) for at, item in enumerate(value)]


@pytest.fixture
def servers(require: Callable[[str], str], tmp_path: Path) -> Iterator[Servers]:
    path = str(tmp_path / "s")
    options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", str(tmp_path)]
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("wb"))
        child = subprocess.Popen([require("redis-server"), *options], stdout=log, stderr=log)
        stack.callback(child.wait)
        stack.callback(child.terminate)
        real = stack.enter_context(closing(_connected(path)))
        front = stack.enter_context(run_front("embedded", version=_version(real)))
        embedded = stack.enter_context(closing(Server(front.socket_path)))
        yield Servers(real, embedded)


def _connected(path: str) -> Server:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            return Server(path)
        except OSError:
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.02)


def _version(server: Server) -> tuple[int, ...]:
    _, text = server.peers[0].tell("INFO server")
    found = re.search(rb"redis_version:(\d+)\.(\d+)\.(\d+)", text)
    assert found
    return tuple(map(int, found.groups()))


def _check(servers: Servers, examples: int) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(programs, st.sampled_from([2, 2, 2, 3]))
    def check(program: list[Step], protocol: int) -> None:
        assert servers.differences(program, protocol) == []

    check()


def test_short_programs_get_the_replies_of_a_real_server(servers: Servers) -> None:
    _check(servers, 60)


@pytest.mark.slow
def test_many_programs_get_the_replies_of_a_real_server(servers: Servers) -> None:
    _check(servers, _LONG_RUN)


@pytest.mark.parametrize("entry", _KNOWN, ids=[entry["why"] for entry in _KNOWN])
def test_a_known_divergence_is_still_there(servers: Servers, entry: dict[str, Any]) -> None:
    servers.start_program(2)
    commands = [tuple(word.encode() for word in shlex.split(line)) for line in entry["example"]]
    replies = [
        (servers.real.peers[0].ask(command), servers.embedded.peers[0].ask(command))
        for command in commands
    ]
    difference = Difference(commands[-1], *replies[-1])
    assert difference.real != difference.embedded, "no longer differs: delete the entry"
    assert difference.is_told_by(entry), f"differs otherwise than told: {difference}"


def test_the_grammar_reaches_all_kinds_of_commands() -> None:
    names = Counter(line.words[0] for line in _LINES)
    assert len(names) >= 150
    assert {"EVAL", "MULTI", "XREADGROUP", "EXPIREAT", "BITFIELD", "OBJECT", "CONFIG"} <= set(names)
