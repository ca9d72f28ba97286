from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.session.choice import Choice, masked, parse_choice

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORD = "".join(("hun", "ter2"))
USES = "def test_it(redis_url): pass"


@pytest.mark.parametrize("word", ["embedded", "server", "both"])
def test_a_word_is_a_choice(word: str) -> None:
    assert parse_choice(word) == Choice(word)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "valkey", "REDIS"])
def test_a_url_is_a_choice(scheme: str) -> None:
    url = f"{scheme}://h:1/0"
    assert parse_choice(url) == Choice("url", url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("embeded", "'embeded' is not a Redis to use: expected embedded, server, both, or"),
        ("", "'' is not a Redis to use"),
        ("localhost:6379", "'localhost:6379' is not a Redis to use"),
        ("http://h", "a Redis URL begins with one of redis://, .* and not with http://"),
    ],
)
def test_all_else_is_refused_with_the_right_values(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_choice(text)


@pytest.mark.parametrize(
    "given", [f":{PASSWORD}@h:6379", f"redis:/:{PASSWORD}@h", f"x:{PASSWORD}@://h"]
)
def test_what_may_hold_a_password_is_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="Redis") as raised:
        parse_choice(given)
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://:{PASSWORD}@h:1/2", "redis://:***@h:1/2"),
        *(
            (f"redis://u:{each}{PASSWORD}@h:1/2", "redis://u:***@h:1/2") for each in "/?#@:"
        ),  # pragma: allowlist secret
        (f"redis://user:{PASSWORD}@h:1/2", "redis://user:***@h:1/2"),
        (f"unix:///a/b?password={PASSWORD}", "unix:///a/b"),
        (f"redis://h?password={PASSWORD}", "redis://h"),
        ("redis://h:1/2", "redis://h:1/2"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize("place", ["option", "ini"])
def test_a_wrong_value_is_wrong_usage(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], place: str
) -> None:
    pytester.makepyfile(USES)
    if place == "ini":
        pytester.makeini("[pytest]\nnadia_redis = serverr")
    result = run_inner(*(["--nadia-redis=serverr"] if place == "option" else []))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = "--nadia-redis" if place == "option" else "nadia_redis"
    result.stderr.fnmatch_lines([f"ERROR: {name}: 'serverr' is not a Redis to use: expected *"])


def test_a_url_that_cannot_be_read_is_wrong_usage(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_without_redis(): pass")
    result = run_inner(f"--nadia-redis=redis://:{PASSWORD}@localhost:port")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --nadia-redis: the URL of the Redis server cannot be read: expected *"]
    )
    result.stderr.no_fnmatch_line(f"*{PASSWORD}*")


def test_the_header_names_the_default_once_a_test_needs_it(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(USES)
    run_inner().stdout.fnmatch_lines(["redis: embedded"])


def test_the_header_is_silent_where_no_test_needs_a_redis(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile("def test_it(): pass")
    run_inner().stdout.no_fnmatch_line("*redis:*")


@pytest.mark.parametrize("place", ["option", "ini"])
def test_the_header_names_what_was_chosen(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], place: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    url = f"redis://:{PASSWORD}@h:1"
    if place == "ini":
        pytester.makeini(f"[pytest]\nnadia_redis = {url}")
    result = run_inner(*([f"--nadia-redis={url}"] if place == "option" else []))
    result.stdout.fnmatch_lines(["redis: redis://:[*][*][*]@h:1"])
    result.stdout.no_fnmatch_line(f"*{PASSWORD}*")


def test_the_option_counts_before_the_ini_name(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makeini("[pytest]\nnadia_redis = both")
    pytester.makepyfile("def test_it(redis_server): assert redis_server.kind == 'embedded'")
    run_inner("--nadia-redis=embedded").assert_outcomes(passed=1)


@pytest.mark.slow
def test_under_xdist_the_default_is_named_at_the_end(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> None:
    pytester.makepyfile(USES)
    result = run_inner("-p", "xdist", "-n1")
    result.stdout.fnmatch_lines(["*= Redis =*", "used: embedded"])


def test_a_quiet_run_does_not_name_it(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(USES)
    result = run_inner("-q", *workers)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*embedded*")


@pytest.mark.parametrize(
    "begin", ["redis:", pytest.param("used:", marks=pytest.mark.slow)], ids=["serial", "n2"]
)
def test_what_markers_ask_for_is_named(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    require: Callable[[str], str],
    begin: str,
) -> None:
    require("redis-server")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.redis(backend="both")
        def test_twice(redis_url): pass

        def test_once(redis_url): pass
        """
    )
    result = run_inner(*(["-p", "xdist", "-n2"] if begin == "used:" else []))
    result.stdout.fnmatch_lines([f"{begin} both, embedded"])


def test_a_marker_chooses_for_its_test(
    pytester: pytest.Pytester,
    run_inner: Callable[..., pytest.RunResult],
    require: Callable[[str], str],
) -> None:
    require("redis-server")
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.redis(backend="server")

        def test_of_the_module(redis_server):
            assert redis_server.kind == "server"

        @pytest.mark.redis(backend="embedded")
        def test_of_its_own(redis_server):
            assert redis_server.kind == "embedded"
        """
    )
    run_inner("--nadia-redis=redis://127.0.0.1:1").assert_outcomes(passed=2)
