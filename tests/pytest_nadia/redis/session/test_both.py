"""Each test runs on the embedded and on the real Redis, inside its one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BOTH = "--nadia-redis=both"


@pytest.fixture
def run_both(
    run_inner: Callable[..., pytest.RunResult], require: Callable[[str], str]
) -> Callable[..., pytest.RunResult]:
    require("redis-server")
    return lambda *arguments, **options: run_inner(BOTH, *arguments, **options)


def test_a_test_runs_twice_and_counts_once(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        import pathlib
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_it(redis_server, redis_client, number):
            assert redis_client.dbsize() == 0
            redis_client.set("left", "behind")
            with pathlib.Path(f"{number}.seen").open("a") as file:
                print(redis_server.kind, redis_server.version, file=file)

        def test_without_redis():
            with pathlib.Path("without.seen").open("a") as file:
                print("once", file=file)
        """
    )
    run_both(*workers).assert_outcomes(passed=4)
    for number in range(3):
        lines = pytester.path.joinpath(f"{number}.seen").read_text("utf-8").splitlines()
        assert [line.split()[0] for line in lines] == ["embedded", "server"]
        assert len({line.partition(" ")[2] for line in lines}) == 1
    assert pytester.path.joinpath("without.seen").read_text("utf-8") == "once\n"


def test_a_failure_on_both_is_an_ordinary_failure(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_it(redis_client): assert redis_client.get('a') == 1")
    result = run_both()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert None == 1*"])
    result.stdout.no_fnmatch_line("*divergence:*")
    assert sum("def test_it" in line for line in result.stdout.lines) == 1


def test_failures_that_differ_are_both_shown(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_it(redis_server): assert redis_server.kind == 'neither'")
    result = run_both()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'embedded' == 'neither'*", "*the failure on server*"])
    result.stdout.fnmatch_lines(["*'server' == 'neither'*"])


def test_failures_that_differ_show_both_replies(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        def test_it(redis_client, redis_server):
            redis_client.set("kind", redis_server.kind)
            assert redis_client.get("kind") == b"neither"
        """
    )
    run_both().stdout.fnmatch_lines(
        [
            "*replies on embedded and on server*",
            "the first command whose replies differ: GET kind",
            '  embedded: "embedded"',
            '  server: "server"',
        ]
    )


@pytest.mark.parametrize(
    ("attribute", "expected_failure"),
    [
        ("shouldstop", False),
        pytest.param("shouldstop", True, marks=pytest.mark.slow),
        pytest.param("shouldfail", False, marks=pytest.mark.slow),
    ],
)
def test_a_test_that_was_stopped_after_its_first_run_has_not_passed(
    pytester: pytest.Pytester,
    run_both: Callable[..., pytest.RunResult],
    attribute: str,
    expected_failure: bool,
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.xfail({expected_failure}, reason="known")
        def test_it(request, redis_client):
            request.session.{attribute} = "enough"
            assert not {expected_failure}
        """
    )
    result = run_both()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*test_it ran on embedded alone, because the run was stopped: enough*"]
    )


@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_a_difference_is_a_divergence(
    pytester: pytest.Pytester,
    run_both: Callable[..., pytest.RunResult],
    workers: tuple[str, ...],
    kind: str,
) -> None:
    other = {"embedded": "server", "server": "embedded"}[kind]
    pytester.makepyfile(
        f"""
        def test_it(redis_client, redis_server):
            redis_client.set("same", 1)
            redis_client.set("kind", "on " + redis_server.kind)
            redis_client.get("same")
            redis_client.get("kind")
            assert redis_server.kind != "{kind}", "not here"
        """
    )
    result = run_both(*workers)
    result.assert_outcomes(failed=1)
    passes, fails = f"passes on {other}", f"fails on {kind}"
    ends = f"{fails} and {passes}" if kind == "embedded" else f"{passes} and {fails}"
    result.stdout.fnmatch_lines(
        [
            f"divergence: test_it {ends}",
            "the first command whose replies differ: GET kind",
            '  embedded: "on embedded"',
            '  server: "on server"',
            f"what it says on {kind}:",
            "E * not here",
            'If the difference is meant, acknowledge it: @pytest.mark.redis(diverges="reason")*',
            "FAILED *::test_it - divergence: test_it *",
        ]
    )


@pytest.mark.slow
def test_an_error_of_one_side_shows_both_replies(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest
        import redis

        def test_it(redis_client, redis_server):
            if redis_server.kind == "embedded":
                redis_client.set("a", "text")
            else:
                redis_client.set("a", "1234")
            redis_client.incr("a")
        """
    )
    result = run_both()
    result.stdout.fnmatch_lines(
        [
            "the first command whose replies differ: INCRBY a 1",
            "  embedded: (error) ERR value is not an integer or out of range",
            "  server: 1235",
        ]
    )


def test_what_differs_by_nature_is_named_last(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        def test_late(redis_client, redis_server):
            redis_client.info()
            redis_client.set("kind", redis_server.kind)
            redis_client.get("kind")
            assert redis_server.kind == "server"

        def test_only(redis_client, redis_server):
            redis_client.info()
            assert redis_server.kind == "server"

        def test_not_at_all(redis_client, redis_server):
            redis_client.ping()
            assert redis_server.kind == "server"

        def test_another_way(redis_client, redis_server):
            redis_client.ping()
            if redis_server.kind == "server":
                redis_client.get("more")
            assert redis_server.kind == "server"
        """
    )
    result = run_both()
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "*test_late*",
            "the first command whose replies differ: GET kind",
            "*test_only*",
            "the first command whose replies differ: INFO",
            "*test_not_at_all*",
            "no reply differs: the two differ in time, or the test in itself",
            "*test_another_way*",
            "no reply differs before the two runs send different commands:",
            "  embedded: nothing more",
            "  server: GET more",
        ]
    )


def test_a_difference_in_setup_or_teardown_or_skips_counts(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def fails_early(redis_server):
            assert redis_server.kind == "server"

        @pytest.fixture
        def fails_late(redis_server):
            yield
            assert redis_server.kind == "server"

        def test_early(fails_early): pass
        def test_late(fails_late): pass

        def test_skips(redis_server):
            if redis_server.kind == "server":
                pytest.skip("not here")

        @pytest.mark.xfail
        def test_xfails(redis_server):
            assert redis_server.kind == "server"
        """
    )
    result = run_both()
    result.assert_outcomes(passed=1, failed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "divergence: test_early fails on embedded and passes on server",
            "divergence: test_late fails on embedded and passes on server",
            "divergence: test_skips passes on embedded and is skipped on server",
            "divergence: test_xfails fails as expected on embedded and passes unexpectedly on *",
        ]
    )


def test_the_same_skip_and_the_same_xfail_are_no_difference(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_skips(redis_url):
            pytest.skip("nowhere")

        @pytest.mark.skip
        def test_skipped(redis_url): pass

        @pytest.mark.xfail
        def test_xfails(redis_url):
            assert 1 == 2

        @pytest.mark.xfail
        def test_xpasses(redis_url): pass
        """
    )
    run_both().assert_outcomes(skipped=2, xfailed=1, xpassed=1)


def test_an_acknowledged_difference_passes_and_is_listed(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.redis(diverges="it cannot do that")
        @pytest.mark.parametrize("kind", ["embedded", "server"])
        def test_differs(redis_server, kind):
            assert redis_server.kind == kind
        """
    )
    result = run_both(*workers)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            f"test_it.py::test_differs[[]{kind}[]] differs between embedded and server,"
            " as acknowledged: it cannot do that"
            for kind in ("embedded", "server")
        ]
    )


def test_an_acknowledged_difference_that_is_gone_fails(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.redis(diverges="it could not do that")

        def test_passes(redis_server): pass

        def test_fails(redis_server):
            assert 1 == 2
        """
    )
    result = run_both()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "test_passes no longer diverges: remove diverges='it could not do that' *",
            "E * assert 1 == 2",
        ]
    )


def test_outside_of_both_the_acknowledgement_changes_nothing(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(diverges="it cannot do that")
        def test_it(redis_server): pass
        """
    )
    run_inner().assert_outcomes(passed=1)


def test_a_marker_with_a_backend_runs_once(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        runs = []

        @pytest.mark.redis(backend="server")
        def test_it(redis_server):
            runs.append(redis_server.kind)
            assert runs == ["server"]
        """
    )
    run_both().assert_outcomes(passed=1)


def test_a_marker_alone_asks_for_both(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    require: Callable[[str], str],
) -> None:
    require("redis-server")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(backend="both")
        def test_it(redis_server):
            assert redis_server.kind == "embedded"
        """
    )
    run_inner().stdout.fnmatch_lines(["divergence: test_it passes on embedded and fails on *"])


def test_fixtures_of_a_wider_scope_live_on_between_the_two(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        made = []

        def fixture_of(scope):
            @pytest.fixture(scope=scope)
            def made_once():
                made.append(scope)
                yield made
                made.append(f"{scope} is over")
            return made_once

        of_session, of_module, of_class, of_test = map(
            fixture_of, ["session", "module", "class", "function"]
        )

        class TestOne:
            def test_a(self, redis_url, of_session, of_module, of_class, of_test): pass
            def test_b(self, redis_url, of_session, of_module, of_class): pass

        class TestTwo:
            def test_c(self, redis_url, of_session, of_module, of_class): pass

        def test_result():
            each = ["function", "function is over"]
            classes = ["class is over", "class", "class is over"]
            assert made == ["session", "module", "class", *each, *each[:1], each[1], *classes]
        """
    )
    run_both().assert_outcomes(passed=4)


def test_what_a_test_prints_and_records_is_not_doubled(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        def test_it(redis_server, record_property):
            record_property("once", 1)
            print("HELLO")
            assert redis_server.kind == "embedded"
        """
    )
    result = run_both("--junitxml=junit.xml", "-o", "junit_family=xunit1")
    assert sum("HELLO" in line and "print" not in line for line in result.stdout.lines) == 1
    document = pytester.path.joinpath("junit.xml").read_text("utf-8")
    assert document.count("<property ") == 1


@pytest.mark.slow
def test_unittest_and_asyncio_tests_run_twice_as_well(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml('[tool.nadia.redis]\nautouse = ["."]\n')
    pytester.makepyfile(
        """
        import os
        import unittest
        import pytest
        import redis

        seen = []

        class Old(unittest.TestCase):
            def test_old(self):
                with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
                    assert client.dbsize() == 0
                    client.set("a", 1)
                seen.append(os.environ["REDIS_URL"])

        @pytest.mark.asyncio
        async def test_new(async_redis_client):
            assert await async_redis_client.dbsize() == 0
            await async_redis_client.set("a", 1)

        def test_seen(redis_url):
            assert len(set(seen)) == 2
        """
    )
    arguments = ("-p", "pytest_asyncio.plugin", "-W", "error", "-o")
    result = run_both(*arguments, "asyncio_default_fixture_loop_scope=function", subprocess=True)
    result.assert_outcomes(passed=3)


def test_a_redis_requested_while_the_test_runs_is_an_error(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_it(request): request.getfixturevalue('redis_url')")
    result = run_both()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["under --nadia-redis=both a test must name its Redis fixture*"])


@pytest.mark.slow
def test_durations_reports_and_last_failed_see_one_test(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], require: Callable[[str], str]
) -> None:
    require("redis-server")
    pytester.makepyfile(
        test_it="""
        import time

        def test_differs(redis_server):
            time.sleep(0.2)
            assert redis_server.kind == "embedded"

        def test_passes(redis_server): pass
        """
    )
    outcome = run_reported(BOTH)
    assert outcome.report["complete"]
    assert outcome.outcomes() == {
        "test_it.py::test_differs": "failed",
        "test_it.py::test_passes": "passed",
    }
    message = outcome.messages()["test_it.py::test_differs"]
    assert message == "divergence: test_differs passes on embedded and fails on server"
    (seconds,) = [t["seconds"] for t in outcome.report["tests"] if t["outcome"] == "failed"]
    assert seconds >= 0.4
    again = pytester.runpytest_inprocess("-p", "nadia", BOTH, "--lf")
    again.assert_outcomes(failed=1, deselected=0)


def test_each_run_is_linted_by_itself(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyprojecttoml('[tool.nadia.redis]\nlints = {NAD403 = "error"}\n')
    pytester.makepyfile(
        """
        def test_it(redis_client, redis_server):
            redis_client.keys("*")
            assert redis_server.kind == "server"
        """
    )
    result = run_both()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the failure on server*", "NAD403 *"])


def test_the_run_stops_at_the_first_divergence_if_asked(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        def test_a(redis_server): pass
        def test_b(redis_server): assert redis_server.kind == "embedded"
        def test_c(redis_server): pass
        """
    )
    run_both("-x").assert_outcomes(passed=1, failed=1)


def test_a_missing_server_is_told_once(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytester.makepyfile("def test_a(redis_url): pass\ndef test_b(redis_url): pass")
    monkeypatch.setenv("PATH", str(pytester.path))
    result = run_inner(BOTH)
    result.assert_outcomes(errors=1, skipped=1)
    result.stdout.no_fnmatch_line("*divergence:*")


def test_a_server_that_dies_is_no_divergence(
    pytester: pytest.Pytester, run_both: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import os
        import signal

        def test_kills(redis_server):
            if redis_server.kind == "server":
                os.kill(redis_server.front.pid, signal.SIGKILL)

        def test_next(redis_url): pass
        def test_last(redis_url): pass
        """
    )
    result = run_both()
    result.assert_outcomes(passed=1, errors=1, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
