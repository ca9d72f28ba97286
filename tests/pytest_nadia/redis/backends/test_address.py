from __future__ import annotations

import pytest

from pytest_nadia.redis.backends.address import Target, parse_url
from pytest_nadia.redis.backends.errors import BackendError

WORD = "xyl" + "ophone"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://", Target(("localhost", 6379))),
        ("redis://db.example", Target(("db.example", 6379))),
        ("redis://127.0.0.1:7000", Target(("127.0.0.1", 7000))),
        ("redis://127.0.0.1:7000/", Target(("127.0.0.1", 7000))),
        ("redis://127.0.0.1:7000/3", Target(("127.0.0.1", 7000), database=3)),
        ("redis://127.0.0.1:7000?db=3", Target(("127.0.0.1", 7000), database=3)),
        ("redis://[::1]:7000/0", Target(("::1", 7000), database=0)),
        ("redis://:p%40ss@h", Target(("h", 6379), "", "p@ss")),  # pragma: allowlist secret
        ("redis://me:p%2Fss@h", Target(("h", 6379), "me", "p/ss")),  # pragma: allowlist secret
        ("redis://me@h", Target(("h", 6379), username="me")),
        ("valkey://", Target(("localhost", 6379))),
        ("valkey://me:x@h:7000/3", Target(("h", 7000), "me", "x", database=3)),
        ("VALKEY://h?db=2", Target(("h", 6379), database=2)),
        ("unix:///run/redis.sock", Target("/run/redis.sock")),
        ("unix:///run/redis.sock?db=2", Target("/run/redis.sock", database=2)),
        ("unix:///a%20b?password=x&username=y", Target("/a b", "y", "x")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    assert parse_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "http://localhost",
        "redis://localhost:port",
        "redis://localhost:99999",
        "redis://localhost/zero",
        "valkey://localhost/zero",
        "redis://localhost/-1",
        "redis://localhost/1/2",
        "redis://localhost/\u0661",
        "redis://localhost?database=1",
        "redis://localhost?db",
        "redis://localhost/1#2",
        "redis://[::1",
        "unix://",
        "unix://host/run/redis.sock",
        "unix:///run/redis.sock?db=x",
    ],
)
def test_what_is_no_url_of_redis_is_told_what_is(url: str) -> None:
    with pytest.raises(BackendError) as caught:
        parse_url(url)
    assert str(caught.value) == (
        "the URL of the Redis server cannot be read: expected "
        "redis://[user:password@]host:port[/db] (or valkey://...) or unix:///path?db=N, where "
        "special characters in user and password are percent-encoded"
    )
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "shape",
    [
        "redis://:{}/x@localhost:6379/0",
        "redis://:1/{}@localhost",
        "redis://:1#{}@localhost",
        "redis://:1?{}@localhost",
        "redis://:1?{}=x@localhost",
        "redis://:[{}@localhost",
        "redis://localhost:{}",
        "unix://me:{}/x@/run/redis.sock",
        "{}://localhost",
        "{}",
    ],
)
def test_an_unreadable_url_shows_nothing_of_the_password(shape: str) -> None:
    with pytest.raises(BackendError) as caught:
        parse_url(shape.format(WORD))
    assert WORD not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_tls_is_told_what_to_do_instead(scheme: str) -> None:
    said = rf"^{scheme}s:// is not .*stunnel.* its {scheme}:// URL, .*--nadia-redis=server"
    with pytest.raises(BackendError, match=said) as caught:
        parse_url(f"{scheme}s://:{WORD}@localhost")
    assert WORD not in str(caught.value)


def test_the_address_for_messages() -> None:
    assert parse_url(f"redis://me:{WORD}@localhost:7000").where == "localhost:7000"
    assert parse_url("redis://[::1]:7000").where == "[::1]:7000"
    assert parse_url("unix:///run/redis.sock").where == "/run/redis.sock"


def test_a_target_hides_its_password() -> None:
    assert WORD not in repr(parse_url(f"redis://me:{WORD}@localhost"))


def test_how_to_log_in() -> None:
    assert parse_url("redis://h").login() == []
    assert parse_url("redis://:x@h").login() == [b"AUTH", b"x"]
    assert parse_url("redis://me:x@h").login() == [b"AUTH", b"me", b"x"]
    assert parse_url("redis://me@h").login() == [b"AUTH", b"me", b""]
