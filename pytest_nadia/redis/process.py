"""The front as the process that needs it sees it: a child that serves Redis and takes orders."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING, Literal, cast

import msgspec

from pytest_nadia.redis.wire import Answer, Hello, Order, RuleState, Setup
from pytest_nadia.requirements import missing_requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.redis.wire import CommandRecord, ConnectionRecord, Rule

HOST = "127.0.0.1"
# -P: a redis.py in the current directory must not stand in for the real one.
_PROGRAM = [sys.executable, "-P", "-m", "pytest_nadia.redis.front.program"]
_SECONDS_TO_STOP = 5.0
_SECONDS_TO_ANSWER = 30.0
_PACKAGES = ("fakeredis", "redis")
_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 16
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Answer)


class FrontError(Exception):
    """The front did not start, is gone, or cannot do what it is asked; one line."""


@dataclass(frozen=True)
class Front:
    """A Redis at `url`, in a child process. All methods may be called from any thread.

    `socket_path` is a unix socket for clients; `backstage_path` is another, where neither faults
    nor the ledger nor the limits of a leased database apply. `version` is the server's. Every
    method raises `FrontError` if the child is gone.
    """

    kind: Literal["embedded", "server", "url"]
    port: int
    socket_path: str
    backstage_path: str
    version: tuple[int, ...]
    server_name: str
    _child: _Child = field(repr=False)
    _control: _Control = field(repr=False)
    host: str = HOST
    traffic: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def reset(self) -> int:
        """Empty every database, end every fault, undo CONFIG SET; gives the ledger's mark."""
        return self.start_reset()()

    def start_reset(self) -> Callable[[], int]:
        """Like `reset`, without waiting for its end: gives what waits, and then the mark.

        No command that is sent afterwards is carried out before its end.
        """
        try:
            posted = self._control.post(Order(do="reset"))
        except OSError as error:
            raise FrontError(self._child.obituary()) from error
        return lambda: self._answer_of(partial(self._control.wait_for, posted)).number

    def mark(self) -> int:
        """The number that the next command will have in the ledger."""
        return self._order(Order(do="mark")).number

    def records(self, since: int = 0) -> list[CommandRecord]:
        """The commands since the last reset that have this number or a higher one."""
        return self._order(Order(do="records", number=since)).records

    def connections(self) -> list[ConnectionRecord]:
        """Those that were open at the last reset, or were opened after it."""
        return self._order(Order(do="connections")).connections

    def backstage_counts(self) -> dict[str, int]:
        """How often each command came over the backstage socket, which the ledger leaves out."""
        return self._order(Order(do="backstage")).counts

    def add_rule(self, rule: Rule) -> int:
        return self._order(Order(do="add", rule=rule)).number

    def rule_state(self, number: int) -> RuleState:
        return _state(self._order(Order(do="state", number=number)))

    def remove_rule(self, number: int) -> RuleState:
        return _state(self._order(Order(do="remove", number=number)))

    def advance(self, seconds: float) -> str:
        """Let time pass for the data; gives a remark where that is not possible in full."""
        return self._order(Order(do="advance", seconds=seconds)).remark

    # What a clock asks of those who keep its time

    @property
    def addresses(self) -> set[tuple[str, int]]:
        return {(self.host, self.port)}

    def hold(self, wall: float) -> None:
        """Let time stand still, at these seconds since the epoch, but for `advance`."""
        self._order(Order(do="hold", seconds=wall))

    def release(self) -> None:
        self._order(Order(do="release"))

    def until_due(self, seconds: float | None) -> float | None:
        """How far away is what is due next by a held clock, `seconds` at most; 0.0: nothing is.

        None if answers were or are on their way: commands that block, and what a fault
        withholds, do not count.
        """
        order = Order(do="due", seconds=-1.0 if seconds is None else seconds)
        answer = self._order(order)
        self.traffic.clear()
        self.traffic.update(answer.traffic)
        return None if answer.seconds < 0 else answer.seconds

    def _order(self, order: Order) -> Answer:
        return self._answer_of(partial(self._control.ask, order))

    def _answer_of(self, ask: Callable[[], Answer]) -> Answer:
        try:
            answer = ask()
        except (OSError, EOFError) as error:
            raise FrontError(self._child.obituary()) from error
        if answer.error:
            raise FrontError(f"the Redis of the tests: {answer.error}")
        return answer


class _Posted:
    """An order on its way."""

    answer: Answer | None = None


class _Control:
    """The connection for orders. It is made anew after one that was not answered in time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._socket = _connected(path)
        self._awaited: _Posted | None = None

    def ask(self, order: Order) -> Answer:
        return self.wait_for(self.post(order))

    def post(self, order: Order) -> _Posted:
        """Send an order; its answer is read before that of any later one."""
        data = _encoder.encode(order)
        with self._lock:
            self._collect()
            try:
                self._socket.sendall(_LENGTH.pack(len(data)) + data)
            except OSError:
                self._renew()
                raise
            self._awaited = _Posted()
            return self._awaited

    def wait_for(self, posted: _Posted) -> Answer:
        """Raises EOFError if the connection over which it was sent is gone."""
        with self._lock:
            self._collect()
        if posted.answer is None:
            raise EOFError
        return posted.answer

    def close(self) -> None:
        self._socket.close()

    def _collect(self) -> None:
        if self._awaited is None:
            return
        try:
            self._awaited.answer = _decoder.decode(self._receive())
        except (OSError, EOFError):
            # The answer may still come, and belongs to no later order.
            self._renew()
            raise
        self._awaited = None

    def _receive(self) -> bytes:
        """One message, without its length; no more than one is on its way."""
        data = self._receive_some()
        while len(data) < _LENGTH.size:
            data += self._receive_some()
        end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
        while len(data) < end:
            data += self._receive_some()
        return data[_LENGTH.size :]

    def _receive_some(self) -> bytes:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise EOFError
        return data

    def _renew(self) -> None:
        self._awaited = None
        self._socket.close()
        with suppress(OSError):
            self._socket = _connected(self._path)


def _state(answer: Answer) -> RuleState:
    return answer.state or RuleState(0, {})


@contextmanager
def run_front(
    kind: Literal["embedded", "server", "url"] = "embedded",
    *,
    url: str = "",
    version: tuple[int, ...] = (7, 4, 0),
    force: bool = False,
) -> Iterator[Front]:
    """Start a Redis in a child process, and stop it at the end.

    `url` is the existing server of the kind "url", `force` lets it have a database that is not
    empty, `version` is what the embedded one announces. The child ends as well when this process
    dies, however that happens: its standard input closes. Raises `FrontError`.
    """
    if kind == "embedded" and (problem := missing_requirement("the embedded Redis", _PACKAGES)):
        raise FrontError(problem)
    setup = Setup(kind=kind, url=url, version=version, force=force)
    with tempfile.TemporaryFile() as errors:
        child = _Child(_spawn(setup, errors), errors)
        try:
            hello = child.hello()
            with closing(_Control(hello.control_path)) as control:
                yield Front(
                    kind=kind,
                    port=hello.port,
                    socket_path=hello.socket_path,
                    backstage_path=hello.backstage_path,
                    version=hello.version,
                    server_name=hello.server_name,
                    _child=child,
                    _control=control,
                )
        finally:
            child.end()


def _connected(path: str) -> socket.socket:
    control = socket.socket(socket.AF_UNIX)
    try:
        control.settimeout(_SECONDS_TO_ANSWER)
        control.connect(path)
    except OSError:
        control.close()
        raise
    return control


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def hello(self) -> Hello:
        line = cast("IO[bytes]", self.process.stdout).readline()
        if not line:
            raise FrontError(self.obituary())
        hello = msgspec.json.decode(line, type=Hello)
        if hello.error:
            raise FrontError(hello.error)
        return hello

    def obituary(self) -> str:
        try:
            end = f"exit code {self.process.wait(timeout=_SECONDS_TO_STOP)}"
        except subprocess.TimeoutExpired:
            end = "it still runs but does not answer"
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        reason = f": {lines[-1]}" if lines else ""
        return f"the Redis of the tests is gone ({end}){reason}"

    def end(self) -> None:
        # Closing standard input, which communicate() does, is the request to stop.
        try:
            self.process.communicate(timeout=_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def _spawn(setup: Setup, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    # The URL may hold a password, which the arguments of a process show to everybody.
    environment = {**os.environ, "NADIA_FRONT_SETUP": msgspec.json.encode(setup).decode()}
    return subprocess.Popen(
        _PROGRAM,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment,
        # Ctrl-C at the terminal is for the tests, whose own clean-up may still need Redis.
        process_group=0,
    )
