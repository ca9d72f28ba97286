"""What the lints find is told at the end of the run, or fails the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKS = """
    import pytest

    @pytest.mark.parametrize("number", range(3))
    def test_blocks(redis_client, number):
        redis_client.keys("*")

    def test_healthy(redis_client):
        redis_client.set("a", 1)
        assert redis_client.get("a") == b"1"
"""
ERROR = '[tool.nadia.redis]\nlints = {NAD403 = "error"}\n'


def test_a_finding_is_a_note_folded_to_one_line_a_place(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_it=BLOCKS)
    result = run_inner(*workers)
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*= Redis =*", "NAD403*", "  test_it.py:3 (3 times): KEYS *"])
    assert sum("test_it.py:3" in line for line in result.stdout.lines) == 1


def test_a_healthy_run_says_nothing(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_it(redis_client): redis_client.set('a', 1)")
    run_inner().stdout.no_fnmatch_line("*= Redis =*")


def test_a_finding_set_to_error_fails_its_test(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    pytester.makepyprojecttoml(ERROR)
    pytester.makepyfile(test_it=BLOCKS)
    result = run_inner(*workers)
    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_blocks*",
            "NAD403 KEYS *",
            "  at test_it.py:3",
            "  what to do*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_marker_counts_before_the_settings(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml(ERROR)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(lints={"NAD403": "off"})
        def test_off(redis_client):
            redis_client.keys("*")

        @pytest.mark.redis(lints={"deprecated-command": "error"})
        def test_error(redis_client):
            redis_client.execute_command("HMSET", "a", "b", "c")
        """
    )
    result = run_inner()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_error*", "NAD405 HMSET *"])


def test_a_connection_that_a_fixture_closes_is_not_left_open(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml('[tool.nadia.redis]\nlints = {all = "error"}\n')
    pytester.makepyfile(
        """
        import os
        import pytest
        import redis

        kept = []

        @pytest.fixture
        def closed(redis_url):
            client = redis.Redis.from_url(redis_url)
            yield client
            client.close()

        @pytest.fixture
        def closed_last(request):
            clients = []
            yield clients
            for client in clients:
                client.close()

        def test_closed(closed):
            closed.ping()

        def test_closed_last(closed_last, redis_url):
            closed_last.append(redis.Redis.from_url(redis_url))
            closed_last[0].ping()

        def test_our_own(redis_client, redis_server):
            redis_client.ping()
            redis_server.client().ping()

        def test_held_by_a_module(redis_url):
            kept.append(redis.Redis.from_url(redis_url))
            kept[0].ping()
        """
    )
    run_inner().assert_outcomes(passed=4)


def test_a_connection_left_open_is_told(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml('[tool.nadia.redis]\nlints = {NAD401 = "error"}\n')
    pytester.makepyfile(
        test_it="""
        import asyncio
        import redis.asyncio

        def test_leaves(redis_url):
            async def talk():
                client = redis.asyncio.Redis.from_url(redis_url)
                await client.ping()

            asyncio.run(talk())
        """
    )
    result = run_inner("-W", "ignore")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["NAD401 a connection to Redis opened here *", "  at test_it.py:7"])


def test_a_key_without_expiry_is_told(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml(
        '[tool.nadia.redis]\nexpires = ["cache:*"]\nlints = {NAD402 = "error"}\n'
    )
    pytester.makepyfile(
        """
        import redis

        def test_expires(redis_client):
            redis_client.set("cache:a", 1, ex=60)
            redis_client.set("other", 1)

        def test_stays(redis_client):
            redis_client.set("cache:b", 1)

        def test_stays_in_another_database(redis_url):
            with redis.Redis.from_url(redis_url[:-1] + "3") as client:
                client.set("cache:c", 1)
        """
    )
    result = run_inner()
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["NAD402 *'cache:b'*", "NAD402 *'cache:c'*"])


def test_a_test_that_failed_is_not_linted(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml(ERROR)
    pytester.makepyfile(
        """
        import pytest

        def test_fails(redis_client):
            redis_client.keys("*")
            assert 1 == 2

        def test_skips(redis_client):
            redis_client.keys("*")
            pytest.skip()
        """
    )
    run_inner().assert_outcomes(failed=1, skipped=1)


def test_the_report_has_the_findings(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyprojecttoml(ERROR)
    pytester.makepyfile(test_it="def test_blocks(redis_client): redis_client.keys('*')")
    (test,) = run_reported(*workers).report["tests"]
    (finding,) = test["extra"]["redis_lints"]
    assert (finding["rule"], finding["severity"]) == ("NAD403", "error")
    assert (finding["path"], finding["line"]) == ("test_it.py", 1)


def test_many_places_are_cut(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    tests = [f"def test_{n}(redis_client): redis_client.keys('*')" for n in range(14)]
    pytester.makepyfile("\n".join(tests))
    run_inner().stdout.fnmatch_lines(["NAD403*", "  ... and 4 more places"])


# Faults and ledger


def test_a_fault_that_was_never_on_fails_its_test(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        def test_fault(redis_faults):
            redis_faults.down()

        def test_budget(redis_ledger):
            redis_ledger.budget(commands=1)

        def test_failing(redis_faults):
            redis_faults.down()
            assert 1 == 2

        def test_healthy(redis_faults, redis_ledger, redis_client):
            with redis_faults.error("OOM", on="SET"), redis_ledger.budget(commands=1):
                try:
                    redis_client.set("a", 1)
                except Exception as error:
                    assert "memory" in str(error)
            assert redis_ledger.count("SET") == 0
        """
    )
    result = run_inner()
    result.assert_outcomes(passed=3, failed=1, errors=2)
    result.stdout.fnmatch_lines(["redis_faults.down() was never on: *"])
    result.stdout.fnmatch_lines(["a budget measured nothing: *"])


def test_the_ledger_knows_who_opened_a_connection(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import redis

        def test_it(redis_ledger, redis_url):
            with redis.Redis.from_url(redis_url) as client:
                client.ping()
            (connection,) = redis_ledger.connections
            assert any("test_it" in line for line in connection.opened_by)
        """
    )
    run_inner().assert_outcomes(passed=1)


# Experiments


@pytest.mark.slow
def test_experiments_with_the_test_s_redis(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml('[tool.nadia.redis]\nrepeated = 2\nlints = {all = "error"}\n')
    pytester.makepyfile(
        """
        import pytest
        import redis

        def test_safe(assert_retry_safe, redis_client):
            assert_retry_safe(lambda: redis_client.set("a", 1))

        def test_backup(assert_backup_roundtrip, redis_client):
            with pytest.raises(AssertionError):
                assert_backup_roundtrip(lambda: None, lambda: None)
        """
    )
    run_inner().assert_outcomes(passed=2)


@pytest.mark.slow
def test_nobody_searches_for_what_holds_the_connection_that_we_keep(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makeconftest(
        """
        from pytest_nadia.redis.lints import gathering

        def is_reachable(start):
            raise AssertionError("this takes long")

        gathering.is_reachable = is_reachable
        """
    )
    pytester.makepyfile(
        """
        def test_opens_it(redis_client): redis_client.ping()
        def test_spoils_it(redis_client): redis_client.client_setname("mine")
        def test_opens_another(redis_client): redis_client.ping()
        """
    )
    run_inner(subprocess=True).assert_outcomes(passed=3)


def test_an_experiment_that_nobody_awaits_fails(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        async def write(): pass

        def test_it(assert_retry_safe):
            assert_retry_safe(write)
        """
    )
    result = run_inner()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*assert_retry_safe(...) was never awaited: nothing was tested*"])


def test_a_key_without_expiry_is_told_though_the_tear_down_removes_it(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml(
        '[tool.nadia.redis]\nexpires = ["cache:*"]\nlints = {NAD402 = "error"}\n'
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def emptied(redis_client):
            yield redis_client
            redis_client.flushdb()

        def test_it(emptied):
            emptied.set("cache:1", "x")
        """
    )
    result = run_inner()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["NAD402 *"])


@pytest.mark.slow
def test_a_stray_connection_is_told_of_a_test_that_failed(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import redis

        def test_it(redis_url):
            redis.Redis(port=1, retry=None).ping()
        """
    )
    result = run_inner()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NAD406*", "*test_*.py:4*127.0.0.1:1*"])


def test_a_redis_that_dies_in_the_last_test_is_no_success(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import os
        import signal

        def test_it(redis_client, redis_server):
            redis_client.ping()
            os.kill(redis_server.front.pid, signal.SIGKILL)
        """
    )
    result = run_inner()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*the Redis of the tests is gone (exit code -9)*"])
