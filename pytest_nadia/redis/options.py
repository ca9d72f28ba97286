"""`--nadia-redis` and its ini name, and what they start."""

from __future__ import annotations

import pytest

from pytest_nadia.redis import fixtures
from pytest_nadia.redis.session import both, lifecycle
from pytest_nadia.redis.session.choice import Choice, parse_choice
from pytest_nadia.redis.session.manager import BACKENDS, Backends
from pytest_nadia.redis.session.summary import SUMMARY, Summary

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
    backends = Backends(_choice(config), force=config.option.nadia_redis_force)
    config.stash[BACKENDS] = backends
    config.add_cleanup(backends.stop)
    for number, plugin in enumerate((fixtures, lifecycle, both)):
        config.pluginmanager.register(plugin, f"nadia-redis-{number}")
    if not hasattr(config, "workerinput"):
        summary = config.stash[SUMMARY] = Summary()
        config.pluginmanager.register(summary, "nadia-redis-summary")


def _choice(config: pytest.Config) -> Choice:
    given = config.option.nadia_redis
    where = "nadia_redis" if given is None else "--nadia-redis"
    try:
        return parse_choice(_from_ini(config) if given is None else given)
    except ValueError as error:
        raise pytest.UsageError(f"{where}: {error}") from error


def _from_ini(config: pytest.Config) -> str:
    value: str = config.getini("nadia_redis")
    return value or "embedded"


def report_header(config: pytest.Config) -> list[str]:
    """Tells the Redis that somebody chose; the default is told once a test needs it."""
    if config.option.nadia_redis is None and not config.getini("nadia_redis"):
        return []
    if summary := config.stash.get(SUMMARY, None):
        summary.header_shown = True
    return [lifecycle.header(config)]
