from __future__ import annotations

import functools
import json
import random
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from pytest_nadia.redis.process import run_front
from pytest_nadia.redis.retry import RetryReport, RetryUnsafeError, assert_retry_safe
from pytest_nadia.redis.steps import bound, is_asynchronous

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from pytest_nadia.redis.process import Front

pytestmark = pytest.mark.redis(off=True)

Kind = Literal["embedded", "server"]

GUARDED = """
if redis.call('SET', KEYS[2], 1, 'NX', 'EX', 3600) then
    return redis.call('INCR', KEYS[1])
end
return tonumber(redis.call('GET', KEYS[1]))
"""


@dataclass(frozen=True)
class Server:
    front: Front


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
def embedded(server_of: Callable[[Kind], Server]) -> Server:
    return server_of("embedded")


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """As users make it: redis-py's own retries, but without their pauses."""
    with redis.Redis(port=server.front.port) as connected:
        connected.set_retry(Retry(NoBackoff(), connected.get_retry()._retries))
        yield connected


@pytest.fixture
def lone(embedded: Server) -> Iterator[redis.Redis]:
    """A client that tries again at once."""
    with redis.Redis(port=embedded.front.port, retry=Retry(NoBackoff(), 3)) as connected:
        yield connected


@pytest.fixture
def frank(embedded: Server) -> Iterator[redis.Redis]:
    """A client that does not try again."""
    with redis.Redis(port=embedded.front.port, retry=Retry(NoBackoff(), 0)) as connected:
        yield connected


def failed(server: Server, operation: Callable[[], object], **options: Any) -> RetryUnsafeError:
    with pytest.raises(RetryUnsafeError) as caught:
        assert_retry_safe(server, operation, **options)
    return caught.value


def verdicts(report: RetryReport) -> list[tuple[str, str]]:
    return [(outcome.name, outcome.verdict) for outcome in report.outcomes]


# What redis-py sends again by itself


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        (lambda r: r.incr("n"), ["INCRBY"]),
        (lambda r: [r.incr("n"), r.incr("n")], ["INCRBY", "INCRBY"]),
        (lambda r: r.rpush("q", "m"), ["RPUSH"]),
        (lambda r: r.zincrby("z", 1, "m"), ["ZINCRBY"]),
        (lambda r: r.hincrby("h", "f", 2), ["HINCRBY"]),
        (lambda r: r.append("s", "text"), ["APPEND"]),
        (lambda r: r.xadd("s", {"f": "v"}), ["XADD"]),
        (lambda r: r.eval("return redis.call('INCR', KEYS[1])", 1, "n"), ["EVAL"]),
        (lambda r: r.rpush("q", str(uuid.uuid4())), ["RPUSH"]),
        (lambda r: r.rpush(f"job:{uuid.uuid4()}", "m"), ["RPUSH"]),
        (lambda r: r.incr(f"count:{uuid.uuid4()}"), ["INCRBY"]),
        (lambda r: r.hincrby("h", str(uuid.uuid4()), 1), ["HINCRBY"]),
    ],
)
def test_what_is_applied_twice(
    server: Server,
    client: redis.Redis,
    operation: Callable[[redis.Redis], object],
    names: list[str],
) -> None:
    error = failed(server, lambda: operation(client))
    assert verdicts(error.report) == [(name, "double") for name in names]


@pytest.mark.parametrize(
    ("setup", "operation", "name"),
    [
        (lambda r: r.rpush("q", "m1", "m2"), lambda r: r.lpop("q"), "LPOP"),
        (lambda r: r.rpush("q", "m1"), lambda r: r.lpop("q"), "LPOP"),
        (lambda r: r.rpush("q", "m1", "m2"), lambda r: r.brpop("q", 1), "BRPOP"),
        (lambda r: r.set("k", "v"), lambda r: r.getdel("k"), "GETDEL"),
        (lambda r: r.sadd("s", *"abcdef"), lambda r: r.spop("s"), "SPOP"),
        (lambda r: r.zadd("z", {"a": 1, "b": 2}), lambda r: r.zpopmin("z"), "ZPOPMIN"),
        (lambda r: r.set("k", "old"), lambda r: r.getset("k", "new"), "GETSET"),
    ],
)
def test_what_is_taken_twice(
    server: Server,
    client: redis.Redis,
    setup: Callable[[redis.Redis], object],
    operation: Callable[[redis.Redis], object],
    name: str,
) -> None:
    error = failed(server, lambda: operation(client), setup=lambda: setup(client))
    assert verdicts(error.report) == [(name, "lost")]


@pytest.mark.parametrize(
    "operation",
    [
        lambda r: r.set("k", "v"),
        lambda r: r.set("k", "v", ex=60),
        lambda r: r.sadd("s", "m"),
        lambda r: r.hset("h", "f", "v"),
        lambda r: r.zadd("z", {"m": 1}),
        lambda r: r.pfadd("p", "m"),
        lambda r: (r.set("k", "v"), r.expire("k", 100)),
        lambda r: (r.set("k", "v"), r.delete("k")),
        lambda r: r.set("k", str(random.random())),
        lambda r: r.hset("h", str(uuid.uuid4()), "v"),
        lambda r: r.set("now", time.time(), px=90_000),
        lambda r: r.xadd("s", {"f": "v"}, id="1-1") if not r.xlen("s") else None,
    ],
)
def test_what_may_be_sent_twice(
    server: Server, client: redis.Redis, operation: Callable[[redis.Redis], object]
) -> None:
    report = assert_retry_safe(server, lambda: operation(client))
    assert {outcome.verdict for outcome in report.outcomes} <= {"safe", "surfaced"}


def test_a_script_with_a_token_is_safe(server: Server, client: redis.Redis) -> None:
    script = client.register_script(GUARDED)
    report = assert_retry_safe(server, lambda: script(keys=["n", f"token:{uuid.uuid4()}"]))
    assert verdicts(report) == [("EVALSHA", "safe")]


def test_a_script_whose_token_is_new_each_time_it_is_tried_is_not(
    server: Server, frank: redis.Redis, embedded: Server
) -> None:
    script = frank.register_script(GUARDED)

    def operation() -> None:
        for attempt in range(2):
            try:
                script(keys=["n", f"token:{uuid.uuid4()}"])
                return
            except redis.ConnectionError:
                if attempt:
                    raise

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("EVALSHA", "double")]


def test_pipelines(server: Server, client: redis.Redis) -> None:
    def operation() -> list[Any]:
        with client.pipeline(transaction=False) as pipe:
            pipe.incr("n")
            pipe.set("k", "v")
            return list(pipe.execute())

    error = failed(server, operation)
    assert verdicts(error.report) == [("INCRBY", "double"), ("SET", "double")]
    assert "sent again with it: INCRBY 'n'" in str(error)


def test_transactions(server: Server, client: redis.Redis) -> None:
    def operation(*commands: tuple[str, ...]) -> list[Any]:
        with client.pipeline() as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipe.execute()

    counted = functools.partial(operation, ("INCR", "n"), ("SET", "k", "v"))
    assert verdicts(failed(server, counted).report) == [("EXEC", "double")]
    taken = functools.partial(operation, ("GET", "k"), ("DEL", "k"))
    error = failed(server, taken, setup=lambda: client.set("k", "v"))
    assert verdicts(error.report) == [("EXEC", "lost")]
    stored = functools.partial(operation, ("SET", "a", "1"), ("SET", "b", "2"))
    assert verdicts(assert_retry_safe(server, stored)) == [("EXEC", "safe")]


def test_stream_groups(server: Server, client: redis.Redis) -> None:
    def setup() -> None:
        client.xadd("s", {"f": "1"})
        client.xadd("s", {"f": "2"})
        client.xgroup_create("s", "g", id="0")

    def operation() -> Any:
        return client.xreadgroup("g", "ann", {"s": ">"}, count=1)

    assert verdicts(failed(server, operation, setup=setup).report) == [("XREADGROUP", "lost")]


def test_the_default_client_of_redis_py(server: Server) -> None:
    with redis.Redis(port=server.front.port) as client:
        text = str(failed(server, lambda: client.incr("n")))
    assert text.splitlines() == [
        "not safe when a reply is lost: 1 of 1 write commands",
        "  write 1 of 1, INCRBY 'n': double (applied twice; "
        f"redis-py {redis.__version__} sent it again)",
        "      ~ string db 0 'n': '1' -> '2'",
        "      the return value: 1 -> 2",
        "      repair: count in a Lua script that does nothing if SET token 1 NX EX 3600 finds the "
        "token already there, or SET the computed value; or no retry for this client: "
        "Redis(..., retry=Retry(NoBackoff(), 0))",
    ]


# Clients that raise, and operations that handle it


@pytest.mark.parametrize(
    "operation",
    [
        lambda r: r.incr("n"),
        lambda r: r.lpop("q"),
        lambda r: (r.incr("n"), r.rpush("q", "m"), r.set("k", "v")),
    ],
)
def test_an_error_is_enough(
    embedded: Server, frank: redis.Redis, operation: Callable[[redis.Redis], object]
) -> None:
    report = assert_retry_safe(
        embedded, lambda: operation(frank), setup=lambda: frank.rpush("q", "1", "2")
    )
    assert {outcome.verdict for outcome in report.outcomes} == {"surfaced"}
    assert "raised ConnectionError: " in str(report)


def test_a_retry_of_the_operations_own_is_noticed(embedded: Server, frank: redis.Redis) -> None:
    def operation() -> None:
        try:
            frank.rpush("q", "m")
        except redis.ConnectionError:
            frank.rpush("q", "m")

    assert verdicts(failed(embedded, operation).report) == [("RPUSH", "double")]


def test_a_second_try_that_fails_still_applied_it_twice(
    embedded: Server, frank: redis.Redis
) -> None:
    def operation() -> None:
        try:
            frank.incr("n")
        except redis.ConnectionError:
            frank.incr("n")
            raise

    assert verdicts(failed(embedded, operation).report) == [("INCRBY", "double")]


def test_what_an_error_kept_from_being_done_is_no_loss(embedded: Server, lone: redis.Redis) -> None:
    def operation() -> None:
        if not lone.set("lock", "me", nx=True):
            raise RuntimeError("locked")
        lone.sadd("done", "a")

    report = assert_retry_safe(embedded, operation)
    assert verdicts(report) == [("SET", "surfaced"), ("SADD", "safe")]


def test_work_that_is_silently_left_undone_is_lost(embedded: Server, lone: redis.Redis) -> None:
    def operation() -> None:
        if lone.set("lock", "me", nx=True):
            lone.sadd("done", "a")

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("SET", "lost"), ("SADD", "safe")]
    assert "- db 0 'done': set of 1 {'a'}" in str(error)
    assert "SET with a token of the caller's own" in str(error)


def test_an_error_that_is_swallowed_with_the_message(embedded: Server, frank: redis.Redis) -> None:
    def operation() -> Any:
        try:
            return frank.lpop("q")
        except redis.ConnectionError:
            return None

    error = failed(embedded, operation, setup=lambda: frank.rpush("q", "m"))
    assert verdicts(error.report) == [("LPOP", "lost")]


def test_an_error_that_is_answered_by_another_result(embedded: Server, frank: redis.Redis) -> None:
    def operation() -> str:
        try:
            frank.incr("n")
            frank.set("k", "v")
        except redis.ConnectionError:
            return "failed"
        return "done"

    report = assert_retry_safe(embedded, operation)
    assert verdicts(report) == [("INCRBY", "surfaced"), ("SET", "safe")]


def test_data_that_was_read_from_a_document_is_missed(embedded: Server, lone: redis.Redis) -> None:
    script = lone.register_script(
        "local v = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return v"
    )

    def operation() -> Any:
        document = script(keys=["k"])
        return json.loads(document)["text"] if document else ""

    error = failed(embedded, operation, setup=lambda: lone.set("k", '{"text": "hello"}'))
    assert verdicts(error.report) == [("EVALSHA", "lost")]


def test_a_state_that_grew_is_not_hidden_by_its_expiry(embedded: Server, lone: redis.Redis) -> None:
    script = lone.register_script(
        "redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]) + 60000)"
    )
    error = failed(embedded, lambda: script(keys=["k"]), setup=lambda: lone.set("k", "v", ex=60))
    assert verdicts(error.report) == [("EVALSHA", "double")]
    assert "expiry changed by +" in str(error)


COUNT = "return redis.call('INCR', KEYS[1])"


@pytest.mark.parametrize("ends", ["quietly", "with an error"])
def test_a_script_that_is_sent_again_in_full_is_applied_twice(
    embedded: Server, frank: redis.Redis, ends: str
) -> None:
    digest = frank.script_load(COUNT)

    def operation() -> Any:
        try:
            return frank.evalsha(digest, 1, "n")
        except redis.ConnectionError:
            counted = frank.eval(COUNT, 1, "n")
            if ends == "quietly":
                return counted
            raise

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("EVALSHA", "double")]
    assert "sent again as EVAL\n" in str(error)


def test_a_script_whose_work_is_done_again_without_it_is_applied_twice(
    embedded: Server, frank: redis.Redis
) -> None:
    def operation() -> Any:
        try:
            return frank.eval(COUNT, 1, "n")
        except redis.ConnectionError:
            return frank.incr("n")

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("EVAL", "double")]
    assert "sent again as INCRBY\n" in str(error)


def test_a_script_that_is_undone_is_no_second_time(embedded: Server, frank: redis.Redis) -> None:
    def operation() -> None:
        try:
            frank.eval(COUNT, 1, "n")
        except redis.ConnectionError:
            frank.delete("n")
            raise

    assert verdicts(assert_retry_safe(embedded, operation)) == [("EVAL", "surfaced")]


@pytest.mark.parametrize("ends", ["quietly", "with an error"])
def test_a_transaction_that_is_sent_again_one_by_one_is_applied_twice(
    embedded: Server, frank: redis.Redis, ends: str
) -> None:
    def operation() -> Any:
        try:
            with frank.pipeline() as pipe:
                pipe.rpush("q", "m")
                pipe.set("k", "v")
                return pipe.execute()
        except redis.ConnectionError:
            frank.lpush("q", "m")
            if ends == "quietly":
                return "pushed"
            raise

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("EXEC", "double")]
    assert "sent again as LPUSH\n" in str(error)


def test_another_command_for_what_is_already_there_is_no_second_time(
    embedded: Server, frank: redis.Redis
) -> None:
    def operation() -> None:
        try:
            frank.incr("n")
        except redis.ConnectionError:
            frank.incr("errors")
            raise

    report = assert_retry_safe(embedded, operation)
    assert verdicts(report) == [("INCRBY", "surfaced")]


def test_what_failed_after_it_wrote_is_tried_too(embedded: Server, lone: redis.Redis) -> None:
    script = "redis.call('INCR', KEYS[1]) return redis.error_reply('ERR half done')"

    def operation() -> None:
        with pytest.raises(redis.ResponseError, match="half done"):
            lone.eval(script, 1, "n")
        lone.sadd("s", "m")

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("EVAL", "double"), ("SADD", "safe")]


def test_what_failed_and_wrote_nothing_may_be_sent_again(
    embedded: Server, lone: redis.Redis
) -> None:
    def operation() -> None:
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            lone.incr("s")
        lone.sadd("s", "m")

    report = assert_retry_safe(embedded, operation, setup=lambda: lone.sadd("s", "first"))
    assert verdicts(report) == [("INCRBY", "safe"), ("SADD", "safe")]


# What is told of a client that gives up


def test_a_client_that_never_sends_again_is_told(
    embedded: Server, frank: redis.Redis, lone: redis.Redis
) -> None:
    told = "this client never sends a command again"
    assert told in str(assert_retry_safe(embedded, lambda: frank.incr("n")))
    assert told not in str(assert_retry_safe(embedded, lambda: lone.set("k", "v")))

    def operation() -> None:
        if not lone.set("lock", "me", nx=True):
            raise RuntimeError("locked")

    report = assert_retry_safe(embedded, operation)
    assert verdicts(report) == [("SET", "surfaced")]
    assert told not in str(report)


# What differs between runs


def test_what_differs_between_clean_runs_is_named(server: Server, client: redis.Redis) -> None:
    def operation() -> str:
        client.set("stamp", uuid.uuid4().hex)
        client.hset("h", mapping={"id": uuid.uuid4().hex, "name": "ann"})
        client.sadd(f"set:{uuid.uuid4()}", "m")
        return uuid.uuid4().hex

    report = assert_retry_safe(server, operation)
    assert sorted(report.left_out) == [
        "db 0 'h' field 'id'",
        "db 0 'stamp' value",
        "db 0: keys whose names vary",
        "the return value",
    ]
    assert "not compared, because it differs between runs: " in str(report)


def test_a_clock_of_whole_seconds_is_no_finding(embedded: Server, lone: redis.Redis) -> None:
    runs: list[int] = []

    def operation() -> None:
        runs.append(1)
        # Two quick runs see the same second, a third one and those after it do not.
        lone.set("time", 100 if len(runs) < 3 else 100 + len(runs))

    report = assert_retry_safe(embedded, operation)
    assert verdicts(report) == [("SET", "safe")]
    assert report.left_out == ("db 0 'time' value",)


@pytest.mark.slow
def test_a_slow_second_try_may_let_expiry_be_later(embedded: Server) -> None:
    with redis.Redis(port=embedded.front.port, retry=Retry(NoBackoff(), 0)) as client:

        def operation() -> None:
            client.set("a", "1", ex=60)
            try:
                client.set("b", "1", ex=60)
            except redis.ConnectionError:
                time.sleep(1.3)
                client.set("b", "1", ex=60)

        report = assert_retry_safe(embedded, operation)
    assert verdicts(report) == [("SET", "surfaced"), ("SET", "safe")]


@pytest.mark.slow
def test_expiry_counts_from_the_beginning_of_a_run(embedded: Server, lone: redis.Redis) -> None:
    report = assert_retry_safe(
        embedded, lambda: lone.set("k", "v", ex=60), setup=lambda: time.sleep(0.6)
    )
    assert verdicts(report) == [("SET", "safe")]
    assert report.left_out == ()


# What cannot be examined


def test_an_operation_that_writes_nothing_was_not_tested(
    server: Server, client: redis.Redis
) -> None:
    with pytest.raises(AssertionError, match=r"no write command .* nothing was tested.*seen: GET$"):
        assert_retry_safe(server, lambda: client.get("k"))
    with pytest.raises(AssertionError, match="seen: none at all"):
        assert_retry_safe(server, lambda: None)


def test_a_setup_that_writes_is_not_the_operation(embedded: Server, lone: redis.Redis) -> None:
    with pytest.raises(AssertionError, match="no write command"):
        assert_retry_safe(embedded, lambda: lone.get("n"), setup=lambda: lone.incr("n"))
    report = assert_retry_safe(embedded, lambda: lone.sadd("s", 1), setup=lambda: lone.incr("n"))
    assert verdicts(report) == [("SADD", "safe")]


def test_an_operation_that_fails_anyway(embedded: Server, lone: redis.Redis) -> None:
    with pytest.raises(AssertionError, match="fails without any fault: ResponseError: WRONGTYPE"):
        assert_retry_safe(embedded, lambda: lone.incr("q"), setup=lambda: lone.rpush("q", "m"))


def test_a_setup_that_fails_is_its_own_error(embedded: Server) -> None:
    with pytest.raises(ZeroDivisionError):
        assert_retry_safe(embedded, lambda: None, setup=lambda: 1 / 0)


def test_a_reply_that_was_not_lost_is_no_success(embedded: Server, lone: redis.Redis) -> None:
    runs: list[int] = []

    def operation() -> None:
        runs.append(1)
        if len(runs) < 3:
            lone.set("k", "v")

    error = failed(embedded, operation)
    assert verdicts(error.report) == [("SET", "unfired")]
    assert "the operation sent fewer writes" in str(error)


@pytest.mark.slow
def test_an_operation_that_waits_for_ever_is_ended(embedded: Server, lone: redis.Redis) -> None:
    def operation() -> None:
        with lone.lock("lock", sleep=0.02):
            lone.sadd("s", "m")

    error = failed(embedded, operation, seconds=1.5)
    assert verdicts(error.report) == [("SET", "hung"), ("SADD", "safe"), ("EVALSHA", "surfaced")]
    assert "(it did not end by itself; redis-py" in str(error)


@pytest.mark.slow
def test_an_operation_blocked_in_redis_is_ended(embedded: Server, lone: redis.Redis) -> None:
    error = failed(
        embedded, lambda: lone.blpop("q"), setup=lambda: lone.rpush("q", "m"), seconds=1.5
    )
    assert verdicts(error.report) == [("BLPOP", "hung")]
    assert lone.set("later", 1)


def test_no_fault_stays_behind(embedded: Server, lone: redis.Redis, frank: redis.Redis) -> None:
    failed(embedded, lambda: lone.incr("n"))
    assert frank.incr("other") == 1


def test_the_databases_are_all_compared(embedded: Server) -> None:
    options: dict[str, Any] = {"port": embedded.front.port, "retry": Retry(NoBackoff(), 3)}
    with redis.Redis(db=3, **options) as client:
        error = failed(embedded, lambda: client.rpush("q", "m"))
    assert "~ list db 3 'q' [1]: added 'm'" in str(error)


# Asynchronous operations


def test_async_operations(
    server: Server, run_async: Callable[[Coroutine[None, None, None]], None]
) -> None:
    async def check() -> None:
        retry = AsyncRetry(NoBackoff(), 3)
        async with redis.asyncio.Redis(port=server.front.port, retry=retry) as client:

            async def count() -> int:
                return int(await client.incr("n"))

            async def store() -> None:
                await client.set("k", "v")

            with pytest.raises(RetryUnsafeError) as caught:
                await assert_retry_safe(server, count, setup=store)
            assert verdicts(caught.value.report) == [("INCRBY", "double")]
            assert f"redis-py {redis.__version__} sent it again" in str(caught.value)
            assert verdicts(await assert_retry_safe(server, store)) == [("SET", "safe")]

    run_async(check())


def test_either_may_be_async(
    embedded: Server, lone: redis.Redis, run_async: Callable[[Coroutine[None, None, None]], None]
) -> None:
    async def operation() -> None:
        lone.lpop("q")

    async def setup() -> None:
        lone.rpush("q", "m1", "m2")

    async def check() -> None:
        with pytest.raises(RetryUnsafeError):
            await assert_retry_safe(embedded, operation, setup=lambda: lone.rpush("q", "1", "2"))
        waiting: Any = assert_retry_safe(embedded, lambda: lone.lpop("q"), setup=setup)
        with pytest.raises(RetryUnsafeError):
            await waiting

    run_async(check())


def test_a_function_that_only_calls_an_async_one_is_refused(embedded: Server) -> None:
    async def operation() -> None: ...

    with pytest.raises(AssertionError, match="TypeError: it gave something to await"):
        _ = assert_retry_safe(embedded, lambda: operation())


@pytest.mark.parametrize("value", [3, None, "incr", ["a", "b"]])
def test_a_value_is_no_operation(embedded: Server, value: Any) -> None:
    pattern = r"^assert_retry_safe takes a function without arguments, .*, not [^\n]*$"
    with pytest.raises(TypeError, match=pattern):
        _ = assert_retry_safe(embedded, value)
    if value is not None:
        with pytest.raises(TypeError, match=r"^setup takes a function without arguments"):
            _ = assert_retry_safe(embedded, lambda: None, setup=value)


def test_a_coroutine_is_no_operation(embedded: Server) -> None:
    async def operation() -> None: ...

    called: Any = operation()
    with pytest.raises(TypeError, match=r"^assert_retry_safe takes an async function: pass it"):
        _ = assert_retry_safe(embedded, called)


def test_what_counts_as_async() -> None:
    async def operation(number: int) -> None: ...

    class Callable:
        async def __call__(self) -> None: ...

    assert is_asynchronous(functools.partial(operation, 1))
    assert is_asynchronous(Callable())
    assert not is_asynchronous(print)
    assert not is_asynchronous(None)


def test_a_bound_check_that_was_not_awaited_fails(
    embedded: Server, lone: redis.Redis, run_async: Callable[[Coroutine[None, None, None]], None]
) -> None:
    async def operation() -> None:
        lone.set("k", "v")

    async def check() -> None:
        with bound(assert_retry_safe, embedded) as check_retry:
            assert await check_retry(operation)
        with (
            pytest.raises(AssertionError, match=r"assert_retry_safe\(\.\.\.\) was never awaited"),
            bound(assert_retry_safe, embedded) as check_retry,
        ):
            _ = check_retry(operation)

    run_async(check())


# An older client library

OLD = """
import redis
from types import SimpleNamespace
from pytest_nadia.redis.process import run_front
from pytest_nadia.redis.retry import assert_retry_safe

assert redis.__version__ == "5.0.1"
with run_front() as front, redis.Redis(port=front.port) as client:
    operations = {
        "incr": lambda: client.incr("n"),
        "rpush": lambda: client.rpush("q", "m"),
        "lpop": lambda: client.lpop("q"),
        "set": lambda: client.set("k", "v"),
        "xadd": lambda: client.xadd("s", {"f": "v"}),
    }
    for name, operation in operations.items():
        report = assert_retry_safe(
            SimpleNamespace(front=front), operation, setup=lambda: client.rpush("q", "1", "2")
        )
        print(name, *(outcome.verdict for outcome in report.outcomes))
"""


@pytest.mark.slow
def test_redis_py_5_raises_instead_of_sending_again(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    old, wheels = tmp_path / "old", Path(__file__).parents[3] / ".wheelhouse"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*install, "--find-links", str(wheels), "--target", str(old), "redis==5.0.1"],
        check=True,
        timeout=120,
    )
    done = subprocess.run(
        [sys.executable, "-c", OLD],
        env={**clean_env, "PYTHONPATH": str(old)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    names = ("incr", "rpush", "lpop", "set", "xadd")
    assert done.stdout.splitlines() == [f"{name} surfaced" for name in names]
