"""Every fault, met by every client library, is the fault that a real server gives.

The same program talks by the same library to a real server that really has the trouble, and to
ours with the fault on. What the library raises must be the same.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pytest_nadia.redis.faults import RedisFaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_nadia.redis.faults import Fault
    from pytest_nadia.redis.process import Front

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).parent / "data" / "client_program.py"
HOST = "127.0.0.1"
VALUE = "0123456789"


# The clients


@dataclass(frozen=True)
class Library:
    """`module` is what the program imports; `wheel` is a file that holds it, if it has its own."""

    name: str
    module: str
    wheel: str = ""
    version: str = ""

    def path(self) -> str | None:
        """What must be on Python's path for it; None if it is not there."""
        if self.wheel:
            found = next((ROOT / ".wheelhouse").glob(self.wheel), None)
            return str(found) if found else None
        return "" if importlib.util.find_spec(self.module.partition(".")[0]) else None


LIBRARIES = [
    Library("redis", "redis"),
    Library("redis-asyncio", "redis.asyncio"),
    Library("redis-5.0.1", "redis", wheel="redis-5.0.1-*.whl", version="5.0.1"),
    Library("valkey", "valkey"),
    Library("coredis", "coredis"),
    Library("valkey-glide", "glide"),
]
Outcome = dict[str, Any]


class Client:
    """A program that talks by one library."""

    def __init__(self, library: Library, path: str, environment: dict[str, str]) -> None:
        paths = [path, environment.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM, library.module],
            env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        version = self._read()["value"]
        assert library.version in ("", version)

    def open(self, url: str) -> Outcome:
        return self._ask(do="open", url=url)

    def run(self, method: str, *arguments: str | int) -> Outcome:
        return self._ask(do="run", method=method, arguments=arguments)

    def close(self) -> None:
        self._ask(do="close")

    def end(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=10)
        self._process.kill()
        self._process.wait()

    def _ask(self, **order: Any) -> Outcome:
        stream = cast("IO[str]", self._process.stdin)
        stream.write(f"{json.dumps(order)}\n")
        stream.flush()
        return self._read()

    def _read(self) -> Outcome:
        line = cast("IO[str]", self._process.stdout).readline()
        assert line, "the client's program ended"
        answered: Outcome = json.loads(line)
        return answered


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Client]]:
    with ExitStack() as stack:
        started: dict[str, Client] = {}
        yield started
        for one in started.values():
            stack.callback(one.end)


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def client(
    request: pytest.FixtureRequest, clients: dict[str, Client], clean_env: dict[str, str]
) -> Client:
    library: Library = request.param
    path = library.path()
    if path is None:
        required = os.environ.get("NADIA_REQUIRE", "").replace(" ", "").split(",")
        refuse = pytest.fail if library.name in required else pytest.skip
        refuse(f"the client library {library.name} is not installed")
    if library.name not in clients:
        clients[library.name] = Client(library, path or "", clean_env)
    return clients[library.name]


# Real servers with real trouble


class RealServer:
    """redis-server on a port of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._start()

    def _start(self) -> None:
        places = ["--port", str(self.port), "--bind", HOST, "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            ["redis-server", *places, *self._options], stdout=subprocess.DEVNULL
        )
        wait_for(lambda: can_connect(self.port))

    def restart(self, *options: str) -> None:
        self.kill()
        self._options = options
        self._start()

    def admin(self) -> redis.Redis:
        retry = Retry(NoBackoff(), 0)
        return redis.Redis(host=HOST, port=self.port, decode_responses=True, retry=retry)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def can_connect(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@contextmanager
def ordered(real: RealServer, *orders: tuple[str | int, ...]) -> Iterator[None]:
    with real.admin() as admin:
        for order in orders:
            admin.execute_command(*order)
    yield


def parameters(**values: str | int) -> Callable[[RealServer], AbstractContextManager[None]]:
    orders = [("CONFIG", "SET", name.replace("_", "-"), value) for name, value in values.items()]
    return lambda real: ordered(real, *orders)


def readonly(real: RealServer) -> AbstractContextManager[None]:
    return ordered(real, ("REPLICAOF", HOST, 1))


def masterdown(real: RealServer) -> AbstractContextManager[None]:
    stale = ("CONFIG", "SET", "replica-serve-stale-data", "no")
    return ordered(real, stale, ("REPLICAOF", HOST, 1))


def slow(real: RealServer) -> AbstractContextManager[None]:
    return ordered(real, ("CLIENT", "PAUSE", 3000, "ALL"))


@contextmanager
def busy(real: RealServer) -> Iterator[None]:
    def loop() -> None:
        with real.admin() as other, suppress(redis.ResponseError):
            other.eval("while true do end", 0)

    def is_busy() -> bool:
        try:
            return not admin.ping()
        except redis.ResponseError:
            return True

    with real.admin() as admin:
        admin.config_set("busy-reply-threshold", 1)
        script = threading.Thread(target=loop)
        script.start()
        wait_for(is_busy)
        yield
        admin.script_kill()
        script.join(20)


@contextmanager
def loading(real: RealServer) -> Iterator[None]:
    def is_loading() -> bool:
        try:
            return not admin.ping()
        except redis.exceptions.BusyLoadingError:
            return True
        except redis.ConnectionError:
            return False

    with real.admin() as admin:
        admin.eval("for n = 1, 50000 do redis.call('SET', n, n) end", 0)
        admin.save()
        pace = ("--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024")
        real.restart("--save", "", *pace)
        wait_for(is_loading)
        yield


@contextmanager
def misconf(real: RealServer) -> Iterator[None]:
    with real.admin() as admin:
        folder = Path(admin.config_get("dir")["dir"])
        (folder / "dump.rdb" / "in the way").mkdir(parents=True)
        admin.config_set("save", "3600 1")
        admin.bgsave()
        wait_for(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield
        admin.config_set("save", "")


@contextmanager
def killed(real: RealServer) -> Iterator[None]:
    real.kill()
    yield


@contextmanager
def stopped(real: RealServer) -> Iterator[None]:
    real.send_signal(signal.SIGSTOP)
    yield


@contextmanager
def no_trouble(real: RealServer) -> Iterator[None]:
    yield


class Proxy:
    """Spoils the reply to the first command of a name; written apart from the product."""

    def __init__(self, port: int, command: bytes, spoil: Callable[[bytes], bytes | None]) -> None:
        self._server = port
        self._command = command
        self._spoil = spoil
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._armed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self) -> None:
        self._armed.set()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(client,), daemon=True)
                thread.start()

    def _carry(self, client: socket.socket) -> None:
        # A client that comes back late finds the server gone, or us.
        place = (HOST, self._server)
        with client, suppress(OSError), socket.create_connection(place) as server:
            self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        hit = False
        while True:
            for ready in select.select([client, server], [], [])[0]:
                if not (data := ready.recv(65536)):
                    return
                if ready is client:
                    hit = hit or (self._armed.is_set() and self._command in data.upper())
                    server.sendall(data)
                elif not hit:
                    client.sendall(data)
                elif (spoilt := self._spoil(data)) is not None:
                    client.sendall(spoilt)
                    return


# The faults


@dataclass(frozen=True)
class Case:
    """A fault: what a real server must do to have it, and what gives it to ours.

    `spoil` stands for a network that does it: given a reply it tells what still gets through
    before the connection is closed, None for silence. `fresh` clients connect when the fault is
    on already, the others before.
    """

    name: str
    fault: Callable[[RedisFaults], Fault]
    trouble: Callable[[RealServer], AbstractContextManager[None]] = no_trouble
    method: str = "get"
    arguments: tuple[str | int, ...] = ("key",)
    fresh: bool = False
    login: str = ""
    spoil: Callable[[bytes], bytes | None] | None = None
    shown: Callable[[Outcome], object] = field(default=lambda outcome: judged(outcome))

    def __str__(self) -> str:
        return self.name


def half(reply: bytes) -> bytes | None:
    return reply[: len(reply) // 2]


def nothing(reply: bytes) -> bytes | None:
    return b""


def silence(reply: bytes) -> bytes | None:
    return None


def told(text: str) -> Case:
    """An error that a server of another kind gives: a script makes ours and the real one say it."""
    return Case(
        text.partition(" ")[0],
        lambda faults: faults.error(text, on="EVAL"),
        method="eval",
        arguments=(f"return redis.error_reply({text!r})", 0),
    )


def maxmemory_of(outcome: Outcome) -> object:
    value = outcome.get("value")
    if isinstance(value, str):
        return re.findall(r"\bmaxmemory:(\d+)", value)
    return [str(cast("dict[str, Any]", value)["maxmemory"])]


CASES = [
    Case("READONLY", lambda f: f.error("READONLY"), readonly, "set", ("key", "other")),
    Case("OOM", lambda f: f.error("OOM"), parameters(maxmemory=1), "set", ("key", "other")),
    Case("maxmemory", lambda f: f.maxmemory(1), parameters(maxmemory=1), "set", ("key", "other")),
    Case("BUSY", lambda f: f.error("BUSY"), busy),
    Case("LOADING", lambda f: f.error("LOADING"), loading, fresh=True),
    Case("MASTERDOWN", lambda f: f.error("MASTERDOWN"), masterdown),
    Case("MISCONF", lambda f: f.error("MISCONF"), misconf, "set", ("key", "other")),
    Case("MISCONF, to a ping", lambda f: f.error("MISCONF"), misconf, "ping", ()),
    Case(
        "NOREPLICAS",
        lambda f: f.error("NOREPLICAS"),
        parameters(min_replicas_to_write=1),
        "set",
        ("key", "other"),
    ),
    Case("NOAUTH", lambda f: f.error("NOAUTH"), parameters(requirepass="a" * 8), fresh=True),
    Case(
        "WRONGPASS",
        lambda f: f.error("WRONGPASS"),
        parameters(requirepass="a" * 8),
        fresh=True,
        login=f":{'b' * 8}@",
    ),
    Case(
        "NOSCRIPT",
        lambda f: f.error("NOSCRIPT", on="EVALSHA"),
        method="evalsha",
        arguments=("0" * 40, 0),
    ),
    told("MOVED 1234 127.0.0.1:7001"),
    told("ASK 1234 127.0.0.1:7001"),
    told("CLUSTERDOWN The cluster is down"),
    told("TRYAGAIN Multiple keys request during rehashing of slot"),
    told("NOTKNOWN what no library has heard of"),
    told("ERR some text"),
    Case("down", lambda f: f.down(), killed),
    Case("down, for a new client", lambda f: f.down(seen=False), killed, fresh=True),
    Case("hang", lambda f: f.hang(), stopped),
    Case("hang, for a new client", lambda f: f.hang(), stopped, fresh=True),
    Case("latency", lambda f: f.latency(3), slow),
    Case("cut_reply", lambda f: f.cut_reply("GET"), spoil=half),
    Case("drop_after", lambda f: f.drop_after(bytes=8), spoil=half),
    Case("lose_reply", lambda f: f.lose_reply("GET"), spoil=nothing),
    Case("lose_reply, hanging", lambda f: f.lose_reply("GET", hang=True), spoil=silence),
    Case(
        "info",
        lambda f: f.info(maxmemory=12_345_678_901),
        parameters(maxmemory=12_345_678_901),
        "info",
        ("memory",),
        shown=maxmemory_of,
    ),
]


def judged(outcome: Outcome) -> object:
    """The types and texts of what was raised; what went wrong with a connection by its kind."""
    return sorted((error["type"], kind_of(error["text"])) for error in outcome["errors"])


CONNECTION_TROUBLE = {
    "refused": r"refused|111",
    "timed out": r"time(d )?out",
    "closed": r"clos|reset|EOF|end of file|broken pipe|lost|while reading|disconnect",
}


def kind_of(text: str) -> str:
    for kind, pattern in CONNECTION_TROUBLE.items():
        if re.search(pattern, text, re.IGNORECASE):
            return kind
    return re.sub(r"127\.0\.0\.1:\d+", "HOST:PORT", text)


def meet(client: Client, case: Case, url: str, trouble: AbstractContextManager[object]) -> object:
    """What the case's command meets."""
    url = url.replace("//", f"//{case.login}")
    try:
        if not case.fresh:
            assert "errors" not in client.open(url)
            assert "errors" not in client.run("ping")
        with trouble:
            opened = client.open(url) if case.fresh else {}
            return case.shown(
                opened if "errors" in opened else client.run(case.method, *case.arguments)
            )
    finally:
        client.close()


def meet_real(client: Client, case: Case, folder: Path) -> object:
    real = RealServer(folder, "--save", "", "--enable-debug-command", "yes")
    try:
        with real.admin() as admin:
            admin.set("key", VALUE)
        if case.spoil:
            return meet_network(client, case, real.port)
        return meet(client, case, real.url, case.trouble(real))
    finally:
        real.kill()


def meet_network(client: Client, case: Case, port: int) -> object:
    @contextmanager
    def trouble() -> Iterator[None]:
        proxy.arm()
        yield

    spoil = cast("Callable[[bytes], bytes | None]", case.spoil)
    proxy = Proxy(port, case.method.upper().encode(), spoil)
    try:
        return meet(client, case, f"redis://{HOST}:{proxy.port}/0", trouble())
    finally:
        proxy.close()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_fault_is_the_real_servers(
    client: Client,
    case: Case,
    fronts: Callable[[Literal["embedded", "server"]], Front],
    require: Callable[[str], str],
    tmp_path: Path,
) -> None:
    require("redis-server")
    expected = meet_real(client, case, tmp_path)
    kinds: tuple[Literal["embedded", "server"], ...] = ("embedded", "server")
    for kind in kinds:
        front = fronts(kind)
        front.reset()
        with redis.Redis.from_url(front.url) as admin:
            admin.set("key", VALUE)
        assert meet(client, case, front.url, case.fault(RedisFaults(front))) == expected, kind


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_a_flapping_server_is_down_at_times(
    client: Client,
    kind: Literal["embedded", "server"],
    fronts: Callable[[Literal["embedded", "server"]], Front],
    require: Callable[[str], str],
    tmp_path: Path,
) -> None:
    require("redis-server")
    down = next(case for case in CASES if case.name == "down, for a new client")
    expected = meet_real(client, down, tmp_path)
    front = fronts(kind)
    front.reset()

    @contextmanager
    def flapping() -> Iterator[None]:
        with RedisFaults(front).flap(up=0.05, down=60):
            wait_for(lambda: not can_connect(front.port))
            yield

    assert meet(client, down, front.url, flapping()) == expected
    assert "errors" not in client.open(front.url)
    client.close()
