"""Runs in which there is no Redis to be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

UNREACHABLE = "--nadia-redis=redis://127.0.0.1:1"
THREE = """
    def test_first(redis_url): pass
    def test_second(redis_client): pass
    def test_third(redis_server): pass
    def test_without(): pass
"""


def test_one_test_is_told_and_the_others_are_skipped(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(test_it=THREE)
    result = run_inner(UNREACHABLE, "-rs")
    result.assert_outcomes(errors=1, skipped=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_first*",
            "*127.0.0.1:1*",
            "test_it.py::test_first had no Redis, so this run cannot pass: *; 2 tests after*",
            "SKIPPED * no Redis: see the error of test_it.py::test_first",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*direct cause*")


def test_the_error_is_one_line(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_first(redis_url): pass")
    lines = run_inner(UNREACHABLE).stdout.lines
    at = next(number for number, line in enumerate(lines) if "ERROR at setup" in line)
    assert "127.0.0.1:1" in lines[at + 1]
    assert lines[at + 2].startswith("=")


def test_no_redis_server_says_what_to_do(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytester.makepyfile(THREE)
    monkeypatch.setenv("PATH", str(pytester.path))
    result = run_inner("--nadia-redis=server")
    result.assert_outcomes(errors=1, skipped=2, passed=1)
    result.stdout.fnmatch_lines(["*install*--nadia-redis=embedded*"])


@pytest.mark.parametrize("mark", ["xfail", "xfail(strict=True)"])
def test_the_run_is_never_green_even_if_the_first_was_expected_to_fail(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    workers: tuple[str, ...],
    mark: str,
) -> None:
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.{mark}\ndef test_it(redis_url): pass\n"
        "def test_two(redis_url): pass\ndef test_three(redis_url): pass"
    )
    result = run_inner(UNREACHABLE, *workers, *(["--dist=loadfile"] if workers else []))
    result.assert_outcomes(xfailed=1, skipped=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*test_it had no Redis, so this run cannot pass: *"])


def test_a_fixture_requested_later_is_told_as_well(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_it(request):
            with pytest.raises(pytest.fail.Exception):
                request.getfixturevalue("redis_url")
        """
    )
    result = run_inner(UNREACHABLE)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_another_backend_is_not_concerned(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(backend="redis://127.0.0.1:1")
        def test_first(redis_url): pass

        def test_embedded(redis_client): assert redis_client.ping()
        """
    )
    run_inner().assert_outcomes(errors=1, passed=1)


def test_a_redis_that_died_is_told_once(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(
        """
        import os
        import signal

        def test_kills(redis_server):
            os.kill(redis_server.front.pid, signal.SIGKILL)

        def test_next(redis_url): pass
        def test_last(redis_client): pass
        """
    )
    result = run_inner("-q")
    result.assert_outcomes(passed=1, errors=1, skipped=1)
    result.stdout.fnmatch_lines(["the Redis of the tests is gone (exit code -9)"])


def test_the_report_names_the_error(
    pytester: pytest.Pytester, run_reported: Callable[..., object]
) -> None:
    pytester.makepyfile(test_it=THREE)
    outcome = run_reported(UNREACHABLE)
    messages = outcome.messages()  # type: ignore[attr-defined]
    assert "127.0.0.1:1" in messages["test_it.py::test_first"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["embedded", "server"])
def test_each_worker_starts_one_redis_and_all_are_gone_at_the_end(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    require: Callable[[str], str],
    answers: Callable[[str], bool],
    kind: str,
) -> None:
    if kind == "server":
        require("redis-server")
    pytester.makepyfile(
        """
        import os
        import pathlib
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_it(redis_client, redis_url, number):
            assert redis_client.dbsize() == 0
            redis_client.set("left", "behind")
            pathlib.Path(f"{number}.seen").write_text(f"{os.getpid()} {redis_url}")
        """
    )
    command = ("-p", "xdist", "-n2", "--dist=load", "--maxschedchunk=1", f"--nadia-redis={kind}")
    run_inner(*command, subprocess=True).assert_outcomes(passed=8)
    pairs = {path.read_text(encoding="utf-8") for path in pytester.path.glob("*.seen")}
    processes, urls = (set(each) for each in zip(*(pair.split() for pair in pairs), strict=True))
    assert len(processes) == len(urls) == len(pairs) == 2
    assert not any(map(answers, urls))
