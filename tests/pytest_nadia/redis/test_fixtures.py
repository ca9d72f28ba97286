from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from pytest_nadia.redis.instance import RedisServer
    from pytest_nadia.redis.process import Front

pytestmark = pytest.mark.usefixtures("only_nadia")

ISOLATION = """
    import pytest
    import redis

    seen = set()

    @pytest.mark.parametrize("number", range(4))
    def test_starts_empty(redis_client, redis_url, number):
        for db in (0, 5):
            with redis.Redis.from_url(redis_url[:-1] + str(db)) as client:
                assert client.dbsize() == 0
                client.set("left", "behind")
        assert redis_client.get("left") == b"behind"

    def test_one_server_for_all(redis_client, worker_pid):
        print("PID", worker_pid, redis_client.info("server")["process_id"])
"""
WORKER_PID = """
    import os
    import pytest

    @pytest.fixture
    def worker_pid():
        return os.getpid()
"""


def test_the_client_talks_to_the_url(redis_client: redis.Redis, redis_url: str) -> None:
    host_and_port = redis_client.connection_pool.connection_kwargs
    assert redis_url == f"redis://127.0.0.1:{host_and_port['port']}/0"
    assert redis_client.ping()


def test_each_test_starts_empty(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makeconftest(WORKER_PID)
    pytester.makepyfile(ISOLATION)
    result = pytester.runpytest_inprocess("-p", "nadia", *workers)
    result.assert_outcomes(passed=5)


def test_nothing_starts_unless_a_test_asks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "pytest_nadia.redis.process" not in sys.modules
        """
    )
    pytester.runpytest_subprocess("-p", "nadia").assert_outcomes(passed=1)


@pytest.mark.parametrize("missing", ["fakeredis", "redis"])
def test_what_is_not_installed_is_one_clear_error(pytester: pytest.Pytester, missing: str) -> None:
    pytester.makeconftest(f"import sys\nsys.modules[{missing!r}] = None")
    pytester.makepyfile("def test_it(redis_client): pass")
    result = pytester.runpytest_subprocess("-p", "nadia", "-q")
    result.assert_outcomes(errors=1)
    wanted = f"the embedded Redis needs {missing}, not installed here: "
    result.stdout.fnmatch_lines([f"{wanted}pip install 'pytest-nadia[[]all]'"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_server_that_does_not_start_is_one_clear_error(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import sys
        from pytest_nadia.redis import process
        process._PROGRAM = [sys.executable, "-c", "raise SystemExit('no port is free')"]
        """
    )
    pytester.makepyfile("def test_it(redis_url): pass")
    result = pytester.runpytest_subprocess("-p", "nadia", "-q")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the Redis of the tests is gone (exit code 1): no port is free"])


def test_asynchronous_tests_under_pytest_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(
        """
        import pytest
        from redis.asyncio import Redis

        @pytest.mark.asyncio
        @pytest.mark.parametrize("number", range(2))
        async def test_it(redis_url, redis_client, number):
            async with Redis.from_url(redis_url) as client:
                assert await client.incr("n") == 1
            assert redis_client.get("n") == b"1"
        """
    )
    result = pytester.runpytest_subprocess(
        *("-p", "nadia", "-p", "pytest_asyncio.plugin", "-W", "error")
    )
    result.assert_outcomes(passed=2)


def test_pytest_killed_leaves_no_server(
    pytester: pytest.Pytester, wait_until_gone: Callable[[str], None]
) -> None:
    pytester.makepyfile(
        """
        import os
        import pathlib
        import signal

        def test_it(redis_url):
            pathlib.Path("url").write_text(redis_url)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result = pytester.runpytest_subprocess("-p", "nadia")
    assert result.ret == -9
    from redis import ConnectionError, Redis

    def ping_for_ever(client: Redis) -> None:
        while client.ping():
            pass

    url = (pytester.path / "url").read_text(encoding="utf-8")
    with Redis.from_url(url) as client, pytest.raises(ConnectionError):
        ping_for_ever(client)


def test_what_a_test_can_do_with_its_redis(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import redis

        def test_places(redis_server, redis_url):
            assert redis_server.url == redis_url
            assert redis_url == f"redis://{redis_server.host}:{redis_server.port}/0"
            assert redis_server.kind == "embedded"
            assert redis_server.version >= (7, 0)
            with redis.Redis(unix_socket_path=redis_server.socket_path) as client:
                assert client.ping()

        def test_clients(redis_server):
            client = redis_server.client(decode_responses=True)
            client.set("a", "b")
            assert client.get("a") == "b"
            test_clients.client = client

        def test_they_were_closed():
            assert not test_clients.client.connection_pool._available_connections[0]._sock

        def test_time(redis_server, redis_client):
            redis_client.set("a", 1, ex=100)
            redis_server.advance(99)
            assert redis_client.exists("a")
            redis_server.advance(2)
            assert not redis_client.exists("a")

        def test_snapshots(redis_server, redis_client):
            redis_client.set("a", 1)
            before = redis_server.snapshot()
            redis_client.rpush("b", 1)
            assert redis_server.snapshot() != before
            redis_server.restore(before)
            assert redis_server.snapshot() == before
            assert redis_client.keys() == [b"a"]

        def test_one_redis_for_all_fixtures(redis_client, redis_url, async_redis_client):
            import asyncio

            redis_client.set("a", 1)
            assert asyncio.run(async_redis_client.get("a")) == b"1"
            with redis.Redis.from_url(redis_url) as client:
                assert client.get("a") == b"1"
        """
    )
    run_inner("-W", "error").assert_outcomes(passed=6)


@pytest.mark.parametrize(
    ("comparison", "way"),
    [
        ("before == redis_server.snapshot()", "left to right"),
        ("redis_server.snapshot() == before", "right to left"),
    ],
)
def test_snapshots_that_differ_are_explained(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    comparison: str,
    way: str,
) -> None:
    pytester.makepyfile(
        f"""
        def test_it(redis_server, redis_client):
            before = redis_server.snapshot()
            redis_client.set("new", 1)
            assert {comparison}
        """
    )
    result = run_inner()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E * the snapshots differ (from {way}):", "E *+ db 0 'new'*"])


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_fixture_of_wider_scope_is_told_why_it_cannot_have_one(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], scope: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.fixture(scope="{scope}")
        def shared(redis_url):
            return redis_url

        def test_it(shared): pass
        """
    )
    result = run_inner()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ScopeMismatch*redis_url*", "A Redis belongs to one test *"])


def test_every_fixture_sets_the_variables_and_they_come_back(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "before")
    pytester.makepyfile(
        """
        import os
        import pytest

        NAMES = ["redis_url", "redis_client", "async_redis_client", "redis_server"]

        @pytest.mark.parametrize("name", NAMES)
        def test_it(request, name):
            request.getfixturevalue(name)
            assert os.environ["REDIS_URL"].startswith("redis://127.0.0.1:")

        def test_without():
            assert os.environ["REDIS_URL"] == "before"

        def test_its_own_value_wins(monkeypatch, redis_url):
            monkeypatch.setenv("REDIS_URL", "mine")

        def test_and_is_gone_after(redis_url):
            assert os.environ["REDIS_URL"] == redis_url
        """
    )
    run_inner().assert_outcomes(passed=7)


def test_a_fixture_that_no_test_names_as_an_argument_works(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        def test_it(request):
            assert request.getfixturevalue("redis_client").ping()
            assert request.getfixturevalue("redis_ledger").count("PING") == 1
        """
    )
    run_inner().assert_outcomes(passed=1)


def test_only_what_is_requested_is_imported(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it(redis_url):
            assert not {"redis", "fakeredis", "hypothesis"} & set(sys.modules)
            assert "pytest_nadia.redis.faults" not in sys.modules
        """
    )
    run_inner(subprocess=True).assert_outcomes(passed=1)


def test_a_fixture_that_the_project_replaces_is_named(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def redis_client():
            return "mine"
        """
    )
    pytester.makepyfile("def test_it(redis_client): assert redis_client == 'mine'")
    result = run_inner(*workers)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["redis_client is the project's own: conftest.py:3"])
    result.stdout.no_fnmatch_line("redis: embedded")


CALLS = {
    "redis_faults": [
        "error('OOM', on='GETT')",
        "error('LODING')",
        "latency(-1)",
        "info(used_memry=1)",
        "down().__enter__().__enter__()",
    ],
    "redis_ledger": ["count('GETT')", "budget()", "budget(commands=-1)"],
    "redis_server": ["advance('x')", "restore(7)", "client(decode_respones=True)"],
    "assert_retry_safe": ["__call__(7)", "__call__(lambda: None)", "__call__(lambda: 1 / 0)"],
    "assert_backup_roundtrip": ["__call__(None, None)", "__call__('', '')"],
}


@pytest.mark.parametrize(("fixture", "calls"), CALLS.items())
def test_what_a_test_did_wrong_is_shown_at_its_own_line(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    fixture: str,
    calls: list[str],
) -> None:
    pytester.makepyfile(
        "\n".join(f"def test_{at}({fixture}): {fixture}.{one}" for at, one in enumerate(calls))
    )
    result = run_inner("--tb=short")
    result.assert_outcomes(failed=len(calls))
    frames = [line for line in result.outlines if re.match(r"\S+\.py:\d+: in ", line)]
    assert frames
    ours = [line for line in frames if "pytest_nadia" in line.rpartition("/")[0]]
    assert not [line for line in ours if "/redis/" in line]


@pytest.mark.parametrize("make", ["client", "async_client"])
def test_a_misspelt_option_of_a_client_is_an_error_at_once(
    redis_server: RedisServer, make: str
) -> None:
    problem = "^Redis.from_url has no option 'decode_respones'; did you mean 'decode_responses'.$"
    with pytest.raises(TypeError, match=problem):
        getattr(redis_server, make)(decode_respones=True)


@pytest.mark.parametrize("make", ["client", "async_client"])
@pytest.mark.parametrize(
    "options",
    [
        {"protocol": 3, "db": 1, "client_name": "me", "health_check_interval": 1},
        {"single_connection_client": True},
        {"max_connections": 3, "socket_timeout": 1.0, "socket_connect_timeout": 1.0},
        {"decode_responses": True, "encoding": "latin-1", "retry_on_timeout": True},
    ],
)
def test_what_redis_py_takes_is_an_option(
    redis_server: RedisServer, make: str, options: dict[str, Any]
) -> None:
    getattr(redis_server, make)(**options)


# An existing server


@pytest.fixture
def existing(
    require: Callable[[str], str], fronts: Callable[[str], Front]
) -> Iterator[redis.Redis]:
    """A server that somebody else started; empty before and after."""
    import redis

    require("redis-server")
    front = fronts("server")
    front.reset()
    with redis.Redis.from_url(front.url) as client:
        yield client
    front.reset()


USES = """
    import pytest

    @pytest.mark.parametrize("number", range(4))
    def test_it(redis_client, redis_server, number):
        assert redis_client.dbsize() == 0
        redis_client.set("mine", 1)
        assert redis_server.snapshot().keys
"""


def url_of(client: redis.Redis, database: int) -> str:
    port = client.connection_pool.connection_kwargs["port"]
    return f"redis://127.0.0.1:{port}/{database}"


def test_an_existing_server_keeps_what_others_left_there(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    existing: redis.Redis,
    workers: tuple[str, ...],
) -> None:
    existing.set("others", "data")
    pytester.makepyfile(USES)
    url = url_of(existing, 0).removesuffix("/0")
    run_inner(f"--nadia-redis={url}", *workers).assert_outcomes(passed=4)
    assert existing.keys() == [b"others"]


def test_a_database_with_the_keys_of_others_is_refused_unless_forced(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], existing: redis.Redis
) -> None:
    import redis

    with redis.Redis.from_url(url_of(existing, 3)) as other:
        other.set("others", "data")
    pytester.makepyfile(USES)
    option = f"--nadia-redis={url_of(existing, 3)}"
    result = run_inner(option)
    result.assert_outcomes(errors=1, skipped=3)
    result.stdout.fnmatch_lines(["*--nadia-redis-force*"])
    run_inner(option, "--nadia-redis-force").assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1:1", "*127.0.0.1:1*"),
        ("rediss://127.0.0.1:6379", "*rediss://*"),
        ("redis://:{wrong}@127.0.0.1:{port}", "*password*"),
    ],
)
def test_a_server_that_cannot_be_had_is_one_error_without_the_password(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    existing: redis.Redis,
    url: str,
    said: str,
) -> None:
    wrong = "hun" + "ter2"
    port = existing.connection_pool.connection_kwargs["port"]
    pytester.makepyfile(USES)
    result = run_inner("--nadia-redis=" + url.format(wrong=wrong, port=port))
    result.assert_outcomes(errors=1, skipped=3)
    result.stdout.fnmatch_lines(["*ERROR at setup*", said])
    result.stdout.no_fnmatch_line(f"*{wrong}*")
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("seconds", ["1", None, -5, float("nan"), float("inf"), 1e12, True])
def test_time_only_goes_forward_and_by_a_number(redis_server: RedisServer, seconds: Any) -> None:
    with pytest.raises(ValueError, match="advance takes seconds from 0 to"):
        redis_server.advance(seconds)
    assert redis_server.client().ping()


def test_only_a_snapshot_is_restored(redis_server: RedisServer) -> None:
    with pytest.raises(TypeError, match=r"restore takes what snapshot\(\) gave, not dict"):
        redis_server.restore({})  # type: ignore[arg-type]
