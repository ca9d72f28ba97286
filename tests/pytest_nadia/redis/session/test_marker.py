from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def message(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> Callable[[str], str]:
    """What a test with this marker says when it fails at its set-up."""

    def run(arguments: str) -> str:
        pytester.makepyfile(
            f"import pytest\n@pytest.mark.redis({arguments})\ndef test_it(): pass\n"
            "def test_other(): pass"
        )
        result = run_inner("-q")
        result.assert_outcomes(passed=1, errors=1)
        lines = result.stdout.lines
        return lines[lines.index(next(x for x in lines if "ERROR at setup of test_it" in x)) + 1]

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("max_comands=1", "did you mean max_commands?"),
        ("backends='server'", "did you mean backend?"),
        ("qqq=1", "there are backend, diverges, off, max_commands, max_round_trips, lints"),
        ("'server'", "its arguments are named: backend, diverges"),
        ("backend='srv'", "'srv' is not a Redis to use: expected embedded, server"),
        ("backend=1", "expected embedded, server, both or a URL, as text"),
        ("diverges=True", "expected a reason, as text"),
        ("diverges=' '", "expected a reason, as text"),
        ("off=1", "expected True or False"),
        ("max_commands='3'", "expected a whole number from 0 on"),
        ("max_commands=True", "expected a whole number from 0 on"),
        ("max_round_trips=-1", "expected a whole number from 0 on"),
        ("lints=['NAD401']", "expected a dictionary"),
        ("lints={'NAD4O1': 'error'}", "did you mean 'NAD401'?"),
        ("lints={'NAD401': 'eror'}", "NAD401 cannot be 'eror'"),
    ],
)
def test_what_is_wrong_is_an_error_of_that_test(
    message: Callable[[str], str], arguments: str, said: str
) -> None:
    line = message(arguments)
    assert line.startswith("@pytest.mark.redis(")
    assert said in line


def test_a_bare_marker_only_selects(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import sys
        import pytest

        @pytest.mark.redis
        def test_it():
            assert "pytest_nadia.redis.process" not in sys.modules

        def test_other(): pass
        """
    )
    run_inner("-m", "redis", subprocess=True).assert_outcomes(passed=1, deselected=1)


def test_the_nearest_marker_counts_argument_by_argument(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(max_commands=0, max_round_trips=5)
        class TestIt:
            @pytest.mark.redis(max_commands=1)
            def test_more(self, redis_client):
                redis_client.ping()

            def test_none(self, redis_client):
                redis_client.ping()
        """
    )
    run_inner().assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("fixture", ["redis_client", "redis_url", "mine"])
def test_a_redis_that_is_off_cannot_be_requested(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], fixture: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.fixture
        def mine(redis_server): return redis_server

        @pytest.mark.redis(off=True)
        class TestIt:
            def test_off(self, {fixture}): pass

            @pytest.mark.redis(off=False)
            def test_on(self, {fixture}): pass
        """
    )
    result = run_inner()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["@pytest.mark.redis(off=True) says that this test needs no *"])


# Budgets


BUDGETS = """
    import pytest

    @pytest.mark.redis(max_commands=2)
    def test_commands(redis_client, number):
        for _ in range(number):
            redis_client.incr("n")

    @pytest.mark.redis(max_round_trips=1)
    def test_trips(redis_client, number):
        for _ in range(number - 1):
            redis_client.pipeline(transaction=False).get("a").get("b").execute()
"""
NUMBER = """
    import pytest

    @pytest.fixture(params=[2, 3])
    def number(request):
        return request.param
"""


def test_a_budget_counts_over_the_whole_test(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makeconftest(NUMBER)
    pytester.makepyfile(BUDGETS)
    result = run_inner()
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*test_commands[[]3[]]*",
            "3 commands (the budget is 2):",
            "  INCRBY n x 3",
            "*test_trips[[]3[]]*",
            "2 round trips (the budget is 1):",
            "  GET a x 2",
        ]
    )


def test_what_a_fixture_sends_counts_too(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def filled(redis_client):
            redis_client.set("a", 1)

        @pytest.mark.redis(max_commands=1)
        def test_it(filled, redis_client):
            redis_client.get("a")
        """
    )
    run_inner().assert_outcomes(failed=1)


def test_a_budget_without_a_redis_fails(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.redis(max_commands=3)\ndef test_it(): pass")
    result = run_inner()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["max_commands and max_round_trips count *: request redis_url*"])


def test_a_failing_test_shows_its_own_failure_alone(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(max_commands=1)
        def test_it(redis_client):
            redis_client.get("a")
            redis_client.get("b")
            assert 1 == 2
        """
    )
    result = run_inner()
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*the budget is*")
