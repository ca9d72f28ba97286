from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.finding import Severity
from pytest_nadia.redis.lints.connection_left_open import RULE, find
from pytest_nadia.redis.lints.evidence import Place, SeenConnection
from pytest_nadia.redis.settings import RedisSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence

    Found = dict[str, list[tuple[str, int, str]]]

SYNC = "import redis\n\ndef new(port):\n    return redis.Redis(port=port, protocol=2)\n\n"
ASYNC = SYNC.replace("redis.Redis", "redis.asyncio.Redis").replace(
    "import redis", "import asyncio, gc, redis.asyncio, pytest"
)

LEFT = {
    "a fixture that returns its client": SYNC
    + """
import pytest

@pytest.fixture
def client(port):
    return new(port)

def test_it(client):
    client.ping()  # HERE
""",
    "an attribute of the test's instance": SYNC
    + """
class TestIt:
    def test_it(self, port):
        self.client = new(port)
        self.client.ping()  # HERE
""",
    "an asyncio client that nobody closes": ASYNC
    + """
def test_it(port):
    async def use():
        client = new(port)
        await client.ping()  # HERE

    asyncio.run(use())
""",
    "an asyncio client that is deleted while its loop runs": ASYNC
    + """
def test_it(port):
    async def use():
        await new(port).ping()  # HERE
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(use())
""",
    "an asyncio client whose loop goes on": ASYNC
    + """
LOOP = asyncio.new_event_loop()

def test_it(port):
    client = new(port)
    LOOP.run_until_complete(client.ping())  # HERE
""",
    "an asyncio client that a failed assertion lets go": ASYNC
    + """
def test_it(port):
    async def use():
        client = new(port)
        await client.ping()  # HERE
        assert False
        await client.aclose()

    with pytest.raises(AssertionError):
        asyncio.run(use())
""",
    "a transport that only its loop knows": ASYNC
    + """
LOOP = asyncio.new_event_loop()

def test_it(port):
    connect = LOOP.create_connection(asyncio.Protocol, "127.0.0.1", port)
    LOOP.run_until_complete(connect)  # HERE
""",
    "a stream": ASYNC
    + """
def test_it(port):
    async def use():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)  # HERE

    asyncio.run(use())
""",
}

MEANT_TO_STAY = {
    "closed by with": SYNC
    + """
def test_it(port):
    with new(port) as client:
        client.ping()
""",
    "a synchronous client that goes with its function": SYNC
    + """
def test_it(port):
    new(port).ping()
""",
    "a synchronous client that goes with a cycle": SYNC
    + """
class Bot:
    def __init__(self, client):
        self.client = client
        client.bot = self

def test_it(port):
    Bot(new(port)).client.ping()
""",
    "closed by async with": ASYNC
    + """
def test_it(port):
    async def use():
        async with new(port) as client:
            await client.ping()

    asyncio.run(use())
""",
    "closed by its fixture": SYNC
    + """
import pytest

@pytest.fixture
def client(port):
    client = new(port)
    yield client
    client.close()

def test_it(client):
    client.ping()
""",
    "a pool in a module": SYNC
    + """
POOL = {}

def test_it(port):
    POOL["it"] = redis.ConnectionPool(port=port, protocol=2)
    redis.Redis(connection_pool=POOL["it"]).ping()
""",
    "an asyncio client in a module": ASYNC
    + """
KEPT = []
LOOP = asyncio.new_event_loop()

def test_it(port):
    KEPT.append(new(port))
    LOOP.run_until_complete(KEPT[0].ping())
""",
    "a function that remembers its answer": SYNC
    + """
import functools

@functools.lru_cache
def client(port):
    return new(port)

def test_it(port):
    client(port).ping()
""",
    "a closure": SYNC
    + """
def keep():
    kept = []
    def get(port):
        kept.append(kept[0] if kept else new(port))
        return kept[0]
    return get

get = keep()

def test_it(port):
    get(port).ping()
""",
    "an attribute of a class": SYNC
    + """
class Store:
    client = None

def test_it(port):
    Store.client = new(port)
    Store.client.ping()
""",
    "a variable of each thread": SYNC
    + """
import threading

STORE = threading.local()

def test_it(port):
    STORE.client = new(port)
    STORE.client.ping()
""",
    "a context variable": SYNC
    + """
import contextvars

CLIENT = contextvars.ContextVar("client")

def test_it(port):
    CLIENT.set(new(port))
    CLIENT.get().ping()
""",
    "a fixture of the session": SYNC
    + """
import pytest

@pytest.fixture(scope="session")
def client(port):
    with new(port) as client:
        yield client

def test_it(client):
    client.ping()

def test_again(client):
    client.ping()
""",
    "a fixture of the module that gives something else": SYNC
    + """
import pytest

@pytest.fixture(scope="module")
def bot(port):
    client = new(port)
    yield lambda: client.ping()
    client.close()

@pytest.fixture(scope="module")
def silent(port):
    client = new(port)
    client.ping()
    yield
    client.close()

def test_it(bot, silent):
    bot()
""",
    "a thread that goes on": SYNC
    + """
import queue, threading, pytest

@pytest.fixture(scope="module")
def worker(port):
    orders, answers = queue.Queue(), queue.Queue()
    def work():
        client = new(port)
        while orders.get():
            answers.put(client.ping())
        client.close()
    thread = threading.Thread(target=work)
    thread.start()
    def ask():
        orders.put(True)
        return answers.get(timeout=20)
    yield ask
    orders.put(False)
    thread.join(20)

def test_it(worker):
    worker()
""",
    "a plugin": SYNC
    + """
class Plugin:
    pass

def test_it(port, request):
    plugin = Plugin()
    plugin.client = new(port)
    plugin.client.ping()
    request.config.pluginmanager.register(plugin)
""",
    "a failure that still holds it": SYNC
    + """
def test_it(port):
    client = new(port)
    client.ping()
    assert False

def test_other():
    pass
""",
}

WITH_PYTEST_ASYNCIO = {
    "an asyncio fixture of the session": ASYNC
    + """
import pytest_asyncio

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(port):
    async with new(port) as client:
        await client.ping()
        yield client

@pytest.mark.asyncio(loop_scope="session")
async def test_it(client):
    await client.ping()

@pytest.mark.asyncio(loop_scope="session")
async def test_more(client):
    await asyncio.gather(*[client.ping() for _ in range(5)])
""",
    "an asyncio fixture of the test": ASYNC
    + """
import pytest_asyncio

@pytest_asyncio.fixture
async def client(port):
    async with new(port) as client:
        yield client

@pytest.mark.asyncio
async def test_it(client):
    await client.ping()
""",
}


def line_of(source: str) -> int:
    return next(number for number, line in enumerate(source.splitlines(), 1) if "# HERE" in line)


@pytest.mark.slow
@pytest.mark.integration
def test_connections_that_nobody_closes_are_found(found_in: Callable[..., Found]) -> None:
    found = found_in(LEFT, "-W", "ignore::ResourceWarning")

    places = {name: [(rule, line) for rule, line, _ in rows] for name, rows in found.items()}
    assert places == {name: [("NAD401", line_of(source))] for name, source in LEFT.items()}


@pytest.mark.slow
@pytest.mark.integration
def test_connections_that_are_meant_to_stay_are_not(found_in: Callable[..., Found]) -> None:
    assert found_in(MEANT_TO_STAY) == {name: [] for name in MEANT_TO_STAY}


@pytest.mark.slow
@pytest.mark.integration
def test_fixtures_of_pytest_asyncio_may_hold_them(found_in: Callable[..., Found]) -> None:
    options = ("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function")

    assert found_in(WITH_PYTEST_ASYNCIO, *options) == {name: [] for name in WITH_PYTEST_ASYNCIO}


def seen(**changes: object) -> SeenConnection:
    plain = {"address": "127.0.0.1:1", "state": "open", "reachable": False, "place": None}
    return SeenConnection(**{**plain, **changes})  # type: ignore[arg-type]


def test_connections_of_one_place_are_counted(evidence: Callable[..., Evidence]) -> None:
    place = Place("/project/app/store.py", 7)
    found = find(evidence(connections=(seen(place=place), seen(place=place), seen())))

    assert [(one.path, one.line, one.message) for one in found] == [
        ("app/store.py", 7, "2 connections to Redis opened here are still open after the test"),
        ("tests/test_bot.py", 12, "a connection to Redis is still open after the test"),
    ]
    assert {(one.severity, one.help) for one in found} == {(Severity.NOTE, RULE.repair)}


def test_what_garbage_collection_closed_is_named_so(evidence: Callable[..., Evidence]) -> None:
    [found] = find(evidence(connections=(seen(state="finalized"),) * 2))

    assert found.message == (
        "2 connections to Redis were closed by no one but the garbage collector"
    )


def test_a_place_outside_the_project_gives_way_to_the_test(
    evidence: Callable[..., Evidence],
) -> None:
    [found] = find(evidence(connections=(seen(place=Place("/elsewhere/x.py", 3)),)))

    assert (found.path, found.line) == ("tests/test_bot.py", 12)


def test_the_settings_can_make_it_an_error(evidence: Callable[..., Evidence]) -> None:
    [found] = find(evidence(connections=(seen(),), settings=RedisSettings(lints={"all": "error"})))

    assert found.severity == Severity.ERROR


@pytest.mark.parametrize(
    "one", [seen(state="closed"), seen(reachable=True)], ids=["closed", "reachable"]
)
def test_what_is_closed_or_held_is_healthy(
    one: SeenConnection, evidence: Callable[..., Evidence]
) -> None:
    assert find(evidence(connections=(one,))) == []
