"""`--nadia-redis` and its ini name, and what they start."""

from __future__ import annotations

import pytest

from pytest_nadia.redis import fixtures
from pytest_nadia.redis.session import lifecycle
from pytest_nadia.redis.session.keys import SUMMARY
from pytest_nadia.redis.session.summary import Summary
from pytest_nadia.redis.session.usage import asked_for

_HELP = (
    "the Redis of the tests: embedded (default), server (starts redis-server or valkey-server), "
    "URL (leases a database there), both (each test on embedded and on server, compared)"
)


def add_options(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    group.addoption("--nadia-redis", metavar="embedded|server|URL|both", help=_HELP)
    group.addoption(
        "--nadia-redis-force",
        action="store_true",
        help="with --nadia-redis=URL: take a database even if it holds keys of others",
    )
    parser.addini("nadia_redis", help=f"{_HELP}; the option --nadia-redis overrides it")


def start(config: pytest.Config) -> None:
    """Register the hooks; no Redis starts yet. Raises UsageError for a wrong value."""
    if config.option.nadia_redis is not None or asked_for(config):
        _check_choice(config)
    for number, plugin in enumerate((fixtures, lifecycle)):
        config.pluginmanager.register(plugin, f"nadia-redis-{number}")
    if not hasattr(config, "workerinput"):
        summary = config.stash[SUMMARY] = Summary()
        config.pluginmanager.register(summary, "nadia-redis-summary")


def _check_choice(config: pytest.Config) -> None:
    from pytest_nadia.redis.backends.errors import UrlError
    from pytest_nadia.redis.session.choice import parse_choice

    try:
        choice = parse_choice(asked_for(config))
        if choice.url:
            _check_url(choice.url)
    except (ValueError, UrlError) as error:
        where = "nadia_redis" if config.option.nadia_redis is None else "--nadia-redis"
        raise pytest.UsageError(f"{where}: {error}") from error


def _check_url(url: str) -> None:
    """Raises UrlError. What its server does not offer is told when a test needs it."""
    from pytest_nadia.redis.backends.address import parse_url
    from pytest_nadia.redis.backends.errors import BackendError, UrlError

    try:
        parse_url(url)
    except UrlError:
        raise
    except BackendError:
        return


def report_header(config: pytest.Config) -> list[str]:
    """Tells the Redis that somebody chose; the default is told once a test needs it."""
    if not asked_for(config):
        return []
    if summary := config.stash.get(SUMMARY, None):
        summary.header_shown = True
    return [lifecycle.header(config)]
