"""The fixtures that the repository's own suite shares."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
ASKS = """
    def test_asks(require):
        assert require("a-program-that-is-not-there")

    def test_finds(require):
        assert require("sh").endswith("/sh")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, only_nadia: None) -> pytest.Pytester:
    shutil.copy(CONFTEST, pytester.path / "conftest.py")
    return pytester


def test_a_missing_program_skips_a_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(ASKS)
    suite.runpytest_inprocess("-p", "nadia").assert_outcomes(skipped=1, passed=1)


def test_a_missing_program_that_is_required_fails_it(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NADIA_REQUIRE", "redis-server, a-program-that-is-not-there")
    suite.makepyfile(ASKS)
    result = suite.runpytest_inprocess("-p", "nadia")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*is not on PATH, and NADIA_REQUIRE names it"])


def test_the_outer_run_is_hidden_from_programs(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NADIA_GATE", "1")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    monkeypatch.setenv("COVERAGE_PROCESS_START", "kept")
    monkeypatch.setenv("COVERAGE_FILE", "dropped")
    suite.makepyfile(
        """
        import os

        def test_it(clean_env):
            assert "NADIA_GATE" not in os.environ
            assert "PYTEST_XDIST_WORKER" not in os.environ
            assert not [n for n in clean_env if n.startswith(("NADIA_", "PYTEST_"))]
            assert clean_env["COVERAGE_PROCESS_START"] == "kept"
            assert "COVERAGE_FILE" not in clean_env
            assert clean_env["PATH"]
        """
    )
    suite.runpytest_inprocess("-p", "nadia").assert_outcomes(passed=1)
