"""What a client sees of a real server is the same through the front, byte by byte."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_nadia.redis.process import run_front
from pytest_nadia.redis.wire import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.wire import CommandRecord

    Address = str | tuple[str, int]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]

CLIENTS = 3
# Each connection has a number of its own there.
CLIENT_ID = re.compile(rb"(\$2\r\nid\r\n:)\d+")
# These words make Redis hang up at once, be its last replies on their way or not.
HTTP = re.compile(rb"host:|post", re.IGNORECASE)
BINARY = b"\x00\r\n$5\r\n+OK\r\n\xff*1\r\n"
LONG = b"0123456789abcdef" * 300
HUGE = b"x" * 70_000


def encode(*fields: bytes | str) -> bytes:
    raw = [field.encode() if isinstance(field, str) else field for field in fields]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(field), field) for field in raw)
    return b"*%d\r\n%b" % (len(raw), bulks)


@dataclass(frozen=True)
class Step:
    """One client sends bytes, cut at these places.

    The next step comes when they have been `answered`, when the client is `blocked` by them, or
    when `everyone` has been answered who ever was blocked.
    """

    client: int
    data: bytes
    cuts: tuple[int, ...] = ()
    until: Literal["answered", "blocked", "everyone"] = "answered"


@dataclass(frozen=True)
class Program:
    protocols: tuple[int, ...]
    steps: tuple[Step, ...]
    garbage: tuple[bytes, ...]


# What programs are made of

keys = st.sampled_from(["a", "b", "c", "{x}d"])
values = st.sampled_from([b"", b"1", b"-7", b"2.5", b"text", BINARY, LONG]) | st.binary(max_size=9)
numbers = st.integers(-3, 12).map(str)
fields = st.sampled_from(["f", "g", "1"])
channels = st.sampled_from(["news", "n?ws", "*", "other"])
scripts = st.sampled_from(
    [
        "return redis.call('GET', KEYS[1])",
        "return redis.call('LPUSH', KEYS[1], 1, 2)",
        "return {1, 'two', {3, false}, {ok='fine'}}",
        "return redis.error_reply('MY error')",
        "return redis.pcall('LPUSH', KEYS[1])",
        "redis.setresp(3); return {map={a=1, b={double=1.5}}}",
        "redis.call('PUBLISH', 'news', KEYS[1]) return 1",
        "syntax error",
        "return nil",
    ]
)


def command(
    *parts: st.SearchStrategy[str] | st.SearchStrategy[bytes] | str,
) -> st.SearchStrategy[bytes]:
    strategies = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*strategies).map(lambda drawn: encode(*drawn))


data_commands = st.one_of(
    command("GET", keys),
    command("SET", keys, values),
    command("SET", keys, values, "NX", "GET"),
    command("set", keys, values, "EX", "1000"),
    command("APPEND", keys, values),
    command("INCR", keys),
    command("INCRBYFLOAT", keys, numbers),
    command("MGET", keys, keys, keys),
    command("GETRANGE", keys, numbers, numbers),
    command("STRLEN", keys),
    command("TTL", keys),
    command("EXPIRE", keys, "1000"),
    command("PERSIST", keys),
    command("DEL", keys, keys),
    command("TYPE", keys),
    command("EXISTS", keys, keys),
    command("RENAME", keys, keys),
    command("RPUSH", keys, values, values),
    command("LPOP", keys),
    command("LPOP", keys, numbers),
    command("LRANGE", keys, numbers, numbers),
    command("LINSERT", keys, "BEFORE", values, values),
    command("LMOVE", keys, keys, "LEFT", "RIGHT"),
    command("HSET", keys, fields, values, fields, values),
    command("HGETALL", keys),
    command("HINCRBY", keys, fields, numbers),
    command("HMGET", keys, fields, fields),
    command("SADD", keys, values, values),
    command("SISMEMBER", keys, values),
    command("SMISMEMBER", keys, values, values),
    command("SCARD", keys),
    command("ZADD", keys, numbers, values),
    command("ZADD", keys, "INCR", numbers, values),
    command("ZRANGE", keys, numbers, numbers, "WITHSCORES"),
    command("ZSCORE", keys, values),
    command("ZMSCORE", keys, values, values),
    command("ZPOPMIN", keys),
    command("XADD", keys, st.sampled_from(["1-1", "2-1", "9-9"]), fields, values),
    command("XRANGE", keys, "-", "+"),
    command("XREAD", "COUNT", "2", "STREAMS", keys, "0"),
    command("XGROUP", "CREATE", keys, "g", "0"),
    command("XREADGROUP", "GROUP", "g", "me", "STREAMS", keys, ">"),
    command("XPENDING", keys, "g"),
    command("SETBIT", keys, numbers, "1"),
    command("PFADD", keys, values),
    command("PFCOUNT", keys),
    command("OBJECT", "ENCODING", keys),
    command("DUMP", keys),
    command("GEOADD", keys, "13.3", "38.1", values),
    command("GEOPOS", keys, values),
    command("SORT", keys, "ALPHA"),
    command("EVAL", scripts, "1", keys),
    command("EVALSHA", "0" * 40, "0"),
    command("BLPOP", keys, "0.01"),
    command("BLMOVE", keys, keys, "LEFT", "LEFT", "0.01"),
    command("XREAD", "BLOCK", "5", "STREAMS", keys, "$"),
    command("WAIT", "0", "0"),
    command("DBSIZE"),
    command("ECHO", values),
    command("PING"),
    command("PING", values),
    command("FLUSHDB"),
    command("PUBLISH", channels, values),
    command("SPUBLISH", channels, values),
    command("PUBSUB", "NUMSUB", channels),
    command("CLIENT", "SETNAME", fields),
    command("CLIENT", "GETNAME"),
    command("COMMAND", "COUNT"),
    command("MEMORY", "DOCTOR"),
)
wrong_commands = st.one_of(
    command("GET"),
    command("SET", keys),
    command("NOSUCH", values),
    command("CLIENT", "NOSUCH"),
    command("OBJECT"),
    command(values),
    command("EVAL", scripts, numbers),
    command("BLPOP", keys, "soon"),
    st.just(b"*0\r\n"),
    st.just(b"*-1\r\n"),
    st.just(b"\r\n"),
)
inline_commands = st.sampled_from(
    [
        b"PING\r\n",
        b"PING\n",
        b"SET a b\r\n",
        b"get  a \r\n",
        b'ECHO "a\\x41\\n b"\r\n',
        b"ECHO 'x y'\n",
    ]
)
state_commands = st.one_of(
    command("MULTI"),
    command("EXEC"),
    command("DISCARD"),
    command("WATCH", keys),
    command("UNWATCH"),
)
# Not in a transaction: there, a server's own replies to them cannot be told apart.
mode_commands = st.one_of(
    command("SUBSCRIBE", channels),
    command("SUBSCRIBE", channels, channels),
    command("PSUBSCRIBE", channels),
    command("UNSUBSCRIBE", channels),
    command("UNSUBSCRIBE"),
    command("PUNSUBSCRIBE"),
    command("SSUBSCRIBE", channels),
    command("CLIENT", "REPLY", st.sampled_from(["ON", "OFF", "SKIP", "NO"])),
    command("CLIENT", "TRACKING", st.sampled_from(["ON", "OFF"])),
).map(lambda one: encode("DISCARD") + one)
connection_commands = st.one_of(
    command("SELECT", numbers),
    command("RESET"),
    command("HELLO", st.sampled_from(["2", "3", "4"])),
    command("MOVE", keys, "1"),
    command("FLUSHALL"),
)
transactions = st.lists(data_commands | wrong_commands, max_size=4).map(
    lambda inner: b"".join([encode("MULTI"), *inner, encode("EXEC")])
)
everyday = data_commands | data_commands | state_commands | mode_commands | wrong_commands
commands = everyday | inline_commands | transactions | connection_commands
modest_commands = everyday | inline_commands | transactions


@st.composite
def steps(draw: st.DrawFn, pieces: st.SearchStrategy[bytes]) -> Step:
    data = b"".join(draw(st.lists(pieces, min_size=1, max_size=8)))
    if draw(st.integers(0, 30)) == 30:
        data += encode("SET", "a", HUGE) + encode("GET", "a")
    cuts = draw(st.lists(st.integers(1, max(1, len(data) - 1)), max_size=3, unique=True))
    return Step(draw(st.integers(0, CLIENTS - 1)), data, tuple(sorted(cuts)))


BLOCKING = [
    (("BLPOP", "{}", "2"), ("RPUSH", "{}", "x", "y")),
    (("BZPOPMIN", "{}", "2"), ("ZADD", "{}", "1", "x")),
    (("XREAD", "BLOCK", "2000", "STREAMS", "{}", "$"), ("XADD", "{}", "5-5", "f", "x")),
]


@st.composite
def wakings(draw: st.DrawFn) -> tuple[Step, ...]:
    """One client blocks, and another one wakes it."""
    first, second = draw(st.permutations(range(CLIENTS)))[:2]
    key = draw(keys)
    wait, wake = ([part.format(key) for part in parts] for parts in draw(st.sampled_from(BLOCKING)))
    return (
        Step(second, b"".join([encode("UNSUBSCRIBE"), encode("PUNSUBSCRIBE"), encode("DEL", key)])),
        Step(first, encode("PING") + encode(*wait) + draw(data_commands), until="blocked"),
        Step(second, encode(*wake)),
        Step(second, encode("DEL", key) + encode(*wake), until="everyone"),
    )


garbage = st.one_of(
    st.just(b""),
    st.binary(min_size=1, max_size=60),
    st.sampled_from(
        [
            b"*x\r\n",
            b"*1\r\n$-5\r\nPING\r\n",
            b"*1\r\n$99999999999\r\n",
            b"*99999999999\r\n",
            b"*-99\r\n*2\r\n$3\r\nGET",
            b"*1\r\n+PING\r\n",
            b"*1\r\n$4\r\nPINGxx*1\r\n",
            b"$4\r\nPING\r\n",
            b'ECHO "open\r\n',
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nab",
            b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n",
        ]
    ),
    st.tuples(data_commands, st.binary(max_size=20)).map(b"".join),
).filter(lambda data: not HTTP.search(data))


@st.composite
def programs(draw: st.DrawFn, pieces: st.SearchStrategy[bytes]) -> Program:
    parts = draw(
        st.lists(steps(pieces).map(lambda one: (one,)) | wakings(), min_size=1, max_size=6)
    )
    return Program(
        protocols=tuple(draw(st.sampled_from([2, 3])) for _ in range(CLIENTS)),
        steps=tuple(step for part in parts for step in part),
        garbage=tuple(draw(garbage) for _ in range(CLIENTS)),
    )


# How they run


class Line:
    """One client's connection, and all that came over it."""

    def __init__(self, address: Address) -> None:
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.ended = False

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes, cuts: tuple[int, ...] = ()) -> None:
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            if start:
                time.sleep(0.001)
            try:
                self.socket.sendall(data[start:end])
            except OSError:  # the server has hung up, as the reply tells
                return

    def receive(self, seconds: float = 20) -> None:
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            assert seconds < 1, f"nothing comes after {bytes(self.received[-200:])!r}"
            return
        except ConnectionResetError:
            data = b""
        self.received += data
        self.ended = not data

    def receive_until(self, mark: bytes) -> None:
        while mark not in self.received and not self.ended:
            self.receive()

    def receive_all(self) -> None:
        while not self.ended:
            self.receive()


@contextmanager
def lines(address: Address) -> Iterator[list[Line]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Line(address))) for _ in range(CLIENTS)]


class Admin:
    """A connection to the real server that goes past the front."""

    def __init__(self, address: Address) -> None:
        self.line = Line(address)
        self._asked = 0

    def call(self, *fields: str) -> bytes:
        self._asked += 1
        mark = b"answer %d." % self._asked
        self.line.received.clear()
        self.line.send(encode(*fields) + encode("PING", mark))
        self.line.receive_until(mark)
        return bytes(self.line.received)

    def field(self, section: str, name: str) -> str:
        found = re.search(rb"\b%b:([^\r]*)" % name.encode(), self.call("INFO", section))
        assert found
        return found[1].decode()


@dataclass(frozen=True)
class Bench:
    """The two ways to one server; `prelude` leads the direct one to the leased database."""

    front: Front
    through: Address
    direct: Address
    admin: Admin
    prelude: bytes = b""

    def blocked(self) -> int:
        """How many clients of the server are blocked."""
        return int(self.admin.field("clients", "blocked_clients"))

    def empty(self) -> None:
        for order in (["FLUSHALL"], ["SCRIPT", "FLUSH"]) if not self.prelude else (["FLUSHDB"],):
            self.admin.call(*order)


def end_mark(number: int) -> bytes:
    return b"end of step %d." % number


def run(program: Program, bench: Bench, address: Address, prelude: bytes) -> list[bytes]:
    """What each client received."""
    bench.empty()
    with lines(address) as clients:
        for line, protocol in zip(clients, program.protocols, strict=True):
            greet(line, protocol, prelude)
        marks = [end_mark(number) for number in range(1, len(program.steps) + 1)]
        for number, step in enumerate(program.steps):
            take_step(clients[step.client], step, marks[number], bench)
            if step.until == "everyone":
                for earlier, mark in zip(program.steps, marks[:number], strict=False):
                    clients[earlier.client].receive_until(mark)
        for line, rest in zip(clients, program.garbage, strict=True):
            line.send(rest)
            line.socket.shutdown(socket.SHUT_WR)
            line.receive_all()
        return [CLIENT_ID.sub(rb"\1N", bytes(line.received)) for line in clients]


def greet(line: Line, protocol: int, prelude: bytes) -> None:
    if prelude:
        line.send(prelude)
        line.receive_until(b"+OK\r\n")
        line.received.clear()
    line.send(encode("HELLO", str(protocol)) + encode("PING", end_mark(0)))
    line.receive_until(end_mark(0))


def take_step(line: Line, step: Step, mark: bytes, bench: Bench) -> None:
    # Whatever state the commands left the connection in, the last one is answered.
    tail = encode("CLIENT", "REPLY", "ON") + encode("DISCARD") + encode("PING", mark)
    line.send(step.data + tail, step.cuts)
    if step.until != "blocked":
        line.receive_until(mark)
        return
    while not (bench.blocked() or mark in line.received or line.ended):
        line.receive(0.002)


def check_same(program: Program, bench: Bench) -> None:
    start = bench.front.mark()
    through = run(program, bench, bench.through, b"")
    direct = run(program, bench, bench.direct, bench.prelude)
    assert through == direct
    check_attribution(bench.front.records(start), b"".join(through))


def check_attribution(records: list[CommandRecord], received: bytes) -> None:
    """The front knows which reply belongs to which command."""
    marked = [one for one in records if one.name == "PING" and b"end of" in b"".join(one.arguments)]
    for record in marked:
        if record.arguments[0] in received:
            assert record.outcome == "ok"
            assert record.arguments[0] in record.reply
        else:
            assert record.outcome != "ok"


# The ways through the front

# They change nothing, but make the front cut apart the commands, and the replies too.
RULES = {
    "ruled": Rule(action="error", text="ERR no", on=("NOSUCHCOMMAND",)),
    "cut": Rule(action="info", on=("ECHO", "PING", "EXEC", "MGET", "LRANGE", "HGETALL", "XRANGE")),
}


@pytest.fixture(scope="module")
def admin_of() -> Iterator[Callable[[Front], Admin]]:
    """Goes past a front to its server."""
    with ExitStack() as stack:

        def connect(front: Front) -> Admin:
            through = Admin((front.host, front.port))
            with closing(through.line):
                port = int(through.field("server", "tcp_port"))
            admin = Admin((front.host, port))
            stack.enter_context(closing(admin.line))
            return admin

        yield connect


@pytest.fixture
def bench(
    request: pytest.FixtureRequest,
    require: Callable[[str], str],
    fronts: Callable[[Literal["embedded", "server"]], Front],
    admin_of: Callable[[Front], Admin],
) -> Iterator[Bench]:
    require("redis-server")
    front = fronts("server")
    front.reset()
    admin = admin_of(front)
    direct = admin.line.socket.getpeername()
    through = front.socket_path if request.param == "unix" else (front.host, front.port)
    if request.param in RULES:
        front.add_rule(RULES[request.param])
    yield Bench(front, through, direct, admin)
    front.reset()


@pytest.fixture
def leased_bench(
    require: Callable[[str], str],
    fronts: Callable[[Literal["embedded", "server"]], Front],
    admin_of: Callable[[Front], Admin],
) -> Iterator[Bench]:
    require("redis-server")
    server = fronts("server")
    server.reset()
    admin = admin_of(server)
    direct = admin.line.socket.getpeername()
    with run_front("url", url=f"redis://{direct[0]}:{direct[1]}/7") as front:
        admin.call("SELECT", "7")
        yield Bench(front, (front.host, front.port), direct, admin, encode("SELECT", "7"))
    server.reset()


same_each_time = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def alone(*orders: str, protocol: int = 2, rest: bytes = b"") -> Program:
    """One client sends these commands at once; the others do nothing."""
    data = b"".join(encode(*order.split()) for order in orders)
    others = [2] * (CLIENTS - 1), [b""] * (CLIENTS - 1)
    return Program((protocol, *others[0]), (Step(0, data),), (rest, *others[1]))


@pytest.mark.parametrize("bench", ["stream", "ruled", "cut", "unix"], indirect=True)
@pytest.mark.parametrize(
    "program",
    [
        alone("CLIENT REPLY SKIP"),
        alone("CLIENT REPLY SKIP", "GET a", "PING"),
        alone("CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "GET a"),
        alone("CLIENT REPLY OFF", "GET a", "CLIENT REPLY SKIP"),
        alone("CLIENT REPLY NO", "CLIENT REPLY", "GET a"),
        alone("SUBSCRIBE news", "MULTI", "PUBLISH news x", "GET a", "EXEC", protocol=3),
        alone("SUBSCRIBE news", "PUBLISH news x", "GET a", protocol=3),
        alone("CLIENT TRACKING ON", "GET a", "SET a 1", "GET a", "FLUSHALL", protocol=3),
        alone("MULTI", "SUBSCRIBE news", "EXEC", "UNSUBSCRIBE"),
        alone("SUBSCRIBE", "SUBSCRIBE a a b", "UNSUBSCRIBE a c", "UNSUBSCRIBE", "UNSUBSCRIBE"),
        alone("SUBSCRIBE a b", "HELLO 3", "RESET", "PING", protocol=3),
        alone("SUBSCRIBE a", "GET a", "RESET", "GET a"),
        alone("RESET", "SUBSCRIBE a a"),
        alone(*["ECHO " + HUGE.decode()] * 10),
        alone("SUBSCRIBE a", "RESET", "SUBSCRIBE a b", "UNSUBSCRIBE", "GET a"),
        alone("SUBSCRIBE a", "PSUBSCRIBE b c", "PUNSUBSCRIBE", "UNSUBSCRIBE", "GET a"),
        alone("SELECT 1", "SET a 1", "SELECT 99", "MULTI", "SELECT 2", "GET a", "EXEC", "GET a"),
        alone("MULTI", "NOSUCH", "GET a", "EXEC", "GET a"),
        alone("MULTI", "MULTI", "WATCH a", "EXEC"),
        alone("QUIT", "PING"),
        alone("PING", rest=b"*\r\x00"),
        alone("PING", rest=b"*1\r.$4\r.PING.."),
        alone("PING", rest=b"*1\r\n$4\r\nPING"),
        alone("PING", rest=b"*1\r\n$4\r\nPING\r\n*1\r\n$4"),
        alone("PING", rest=b"PING"),
    ],
    ids=lambda program: f"{program.steps[0].data[:80]!r} {program.garbage[0]!r}",
)
def test_what_is_hard_to_follow(bench: Bench, program: Program) -> None:
    check_same(program, bench)


@pytest.mark.parametrize("bench", ["stream", "ruled", "cut", "unix"], indirect=True)
@same_each_time
@given(program=programs(commands))
def test_replies_are_the_same_bytes(bench: Bench, program: Program) -> None:
    check_same(program, bench)


@same_each_time
@given(program=programs(modest_commands))
def test_replies_are_the_same_bytes_in_a_leased_database(
    leased_bench: Bench, program: Program
) -> None:
    check_same(program, leased_bench)


def test_the_ledger_knows_the_database_of_each_command(
    fronts: Callable[[Literal["embedded", "server"]], Front], require: Callable[[str], str]
) -> None:
    require("redis-server")
    front = fronts("server")
    start = front.reset()
    orders = "SELECT 3|GET a|SELECT 99|GET b|RESET|GET c|SELECT 4|GET d|SELECT x|GET e"
    with closing(Line((front.host, front.port))) as line:
        line.send(b"".join(encode(*order.split()) for order in orders.split("|")) + encode("QUIT"))
        line.receive_all()
    databases = {one.key: one.database for one in front.records(start) if one.name == "GET"}
    assert databases == {b"a": 3, b"b": 3, b"c": 0, b"d": 4, b"e": 4}
