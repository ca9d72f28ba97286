from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

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


def test_each_worker_has_its_own_server_and_all_stop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pathlib
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(redis_client, redis_url, number):
            pathlib.Path(f"{number}.seen").write_text(f"{os.getpid()} {redis_url}")
        """
    )
    command = ("-p", "nadia", "-p", "xdist", "-n2", "--dist=load", "--maxschedchunk=1")
    pytester.runpytest_subprocess(*command).assert_outcomes(passed=6)
    pairs = {path.read_text(encoding="utf-8") for path in pytester.path.glob("*.seen")}
    processes, urls = (set(each) for each in zip(*(pair.split() for pair in pairs), strict=True))
    assert len(processes) == len(urls) == len(pairs) == 2


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


def test_a_server_that_a_test_killed_is_told_to_the_next(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import signal
        import redis
        import pytest

        def test_kills(redis_client):
            os.kill(redis_client.info("server")["process_id"], signal.SIGKILL)

        def test_next(redis_url): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "nadia", "-q")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["the Redis of the tests is gone (exit code -9)"])


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
