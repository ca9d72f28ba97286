from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = '[tool.nadia.redis]\nautouse = ["tests/integration"]\n'
LEGACY = """
    import os
    import unittest
    import redis

    def client():
        return redis.Redis.from_url(os.environ["REDIS_URL"])

    def test_function():
        with client() as own:
            assert own.dbsize() == 0
            own.set("left", "behind")

    class TestClass:
        def test_method(self):
            test_function()

    class Old(unittest.TestCase):
        def setUp(self):
            self.client = client()
            self.client.set("set", "up")

        def tearDown(self):
            self.client.close()

        def test_old(self):
            self.assertEqual(self.client.keys(), [b"set"])

        def test_older(self):
            self.assertEqual(self.client.dbsize(), 1)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose integration tests know nothing of our fixtures."""
    pytester.makepyprojecttoml(SETTINGS)
    pytester.mkdir("tests").joinpath("integration").mkdir()
    pytester.makepyfile(**{"tests/integration/test_legacy": LEGACY})
    return pytester


def add(suite: pytest.Pytester, path: str, code: str) -> None:
    suite.makepyfile(**{path: code})


def test_tests_under_the_path_have_an_empty_redis_each(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    result = run_inner(*workers, "-p", "no:randomly")
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*NAD406*")


def test_tests_elsewhere_are_left_alone(
    suite: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "mine")
    add(
        suite,
        "tests/test_unit",
        """
        import os

        def test_it(request):
            assert os.environ["REDIS_URL"] == "mine"
            assert "_nadia_redis" not in request.fixturenames
        """,
    )
    run_inner().assert_outcomes(passed=5)


def test_one_test_can_opt_out(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    add(
        suite,
        "tests/integration/test_off",
        """
        import os
        import pytest

        @pytest.mark.redis(off=True)
        def test_off():
            assert "REDIS_URL" not in os.environ

        @pytest.mark.parametrize(
            "has", [True, pytest.param(False, marks=pytest.mark.redis(off=True))]
        )
        def test_half(has):
            assert ("REDIS_URL" in os.environ) is has

        class TestClass:
            pytestmark = pytest.mark.redis(off=True)

            def test_method(self):
                assert "REDIS_URL" not in os.environ
        """,
    )
    run_inner("-k", "off or half or method").assert_outcomes(passed=5, deselected=3)


def test_the_variables_are_there_before_other_fixtures_look(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    add(
        suite,
        "tests/integration/test_early",
        """
        import os
        import pytest

        @pytest.fixture(autouse=True)
        def early():
            assert os.environ["REDIS_URL"]

        def test_it(): pass
        """,
    )
    run_inner("-k", "early").assert_outcomes(passed=1, deselected=4)


def test_the_variables_are_those_of_the_settings_and_come_back(
    suite: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CACHE_URL", "before")
    monkeypatch.delenv("QUEUE_URL", raising=False)
    suite.makepyprojecttoml(SETTINGS + 'env = ["CACHE_URL", "QUEUE_URL"]\n')
    suite.path.joinpath("tests/integration/test_legacy.py").unlink()
    add(
        suite,
        "tests/integration/test_variables",
        """
        import os

        def test_it(redis_url):
            assert os.environ["CACHE_URL"] == os.environ["QUEUE_URL"] == redis_url
            assert "REDIS_URL" not in os.environ
        """,
    )
    add(
        suite,
        "tests/test_zlast",
        """
        import os

        def test_it():
            assert os.environ["CACHE_URL"] == "before"
            assert "QUEUE_URL" not in os.environ
        """,
    )
    run_inner().assert_outcomes(passed=2)


def test_a_path_that_does_not_exist_is_told(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    suite.makepyprojecttoml('[tool.nadia.redis]\nautouse = ["tests/integration", "test/gone"]\n')
    result = run_inner(*workers)
    result.stdout.fnmatch_lines(["[[]tool.nadia.redis[]] autouse: test/gone does not exist"])
    result.assert_outcomes(passed=4)


def test_a_path_without_a_test_is_told_where_the_run_looked_there(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    suite.path.joinpath("tests/integration/test_legacy.py").unlink()
    add(suite, "tests/test_unit", "def test_it(): pass")
    said = "*autouse: tests/integration holds no test*"
    run_inner().stdout.fnmatch_lines([said])
    run_inner("tests").stdout.fnmatch_lines([said])
    run_inner("tests/test_unit.py").stdout.no_fnmatch_line(said)
    run_inner("tests/test_unit.py::test_it").stdout.no_fnmatch_line(said)


def test_a_deselected_test_counts_as_a_test(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    add(suite, "tests/test_unit", "def test_it(): pass")
    run_inner("-k", "test_it").stdout.no_fnmatch_line("*autouse*")


def test_a_wrong_table_ends_the_run(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    suite.makepyprojecttoml('[tool.nadia.redis]\nautouses = ["tests"]\n')
    result = run_inner()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pyproject.toml: *'autouses'*did you mean 'autouse'*"])


def test_a_value_in_the_place_of_the_table_ends_the_run(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    suite.makepyprojecttoml("[tool]\nnadia = 3\n")
    result = run_inner()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pyproject.toml: tool.nadia: expected a table, got 3: *"])
    assert len(list(filter(None, result.errlines))) == 1


def test_a_test_that_goes_to_another_redis_is_named(
    suite: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    code = """
        import pytest
        import redis

        def reach():
            redis.from_url("redis://127.0.0.1:1").ping()

        def test_elsewhere():
            with pytest.raises(redis.ConnectionError):
                reach()

        @pytest.mark.redis(off=True)
        def test_meant():
            with pytest.raises(redis.ConnectionError):
                redis.from_url("redis://127.0.0.1:2").ping()
        """
    add(suite, "tests/test_unit", code)
    result = run_inner(*workers)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["NAD406*", "  tests/test_unit.py:5*: *Redis at 127.0.0.1:1,*"])
    result.stdout.no_fnmatch_line("*127.0.0.1:2*")


def test_a_suite_without_redis_pays_nothing(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "pytest_nadia.redis.connections" not in sys.modules
            assert "msgspec" not in sys.modules
        """
    )
    run_inner(subprocess=True).assert_outcomes(passed=1)
