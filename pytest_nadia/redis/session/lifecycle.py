"""pytest's hooks for the Redis of the tests. They cost a test without Redis next to nothing."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.redis.session.keys import DIED, FAILED, MARKER, SUMMARY, TOLD, TURN, drop
from pytest_nadia.redis.session.project import has_table, settings_of
from pytest_nadia.redis.session.usage import mentions_redis, uses_redis
from pytest_nadia.redis.session.watching import watch, watched

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_PROBLEM = pytest.StashKey[str]()
_OUR_FIXTURE = re.compile(r"fixture (_nadia_redis|redis_\w+|async_redis_client) ")
_OWNER = (
    "A Redis belongs to one test and is emptied for the next: make this fixture function-scoped, "
    "or let the tests request the Redis themselves."
)


def pytest_sessionstart(session: pytest.Session) -> None:
    """A table that cannot be used ends the run before it begins."""
    if has_table(session.config):
        settings_of(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    for item in items:
        if item.get_closest_marker("redis"):
            _keep_marker(item)
    known = has_table(config)
    if known and (paths := settings_of(config).autouse):
        _apply_autouse(session, items, paths)
    used = any(map(uses_redis, items))
    if known or used:
        watch(config)
    if used:
        _prepare_for_both(config, items)


def _saw_a_stranger(config: pytest.Config) -> bool:
    seen = watched(config)
    return seen is not None and bool(seen.foreign())


def _keep_marker(item: pytest.Item) -> None:
    from pytest_nadia.redis.session.marker import MarkerError, read_marker

    try:
        item.stash[MARKER] = read_marker(item)
    except MarkerError as error:
        item.stash[_PROBLEM] = str(error)


def _apply_autouse(session: pytest.Session, items: list[pytest.Item], paths: Sequence[str]) -> None:
    from pytest_nadia.redis.session.autouse import give_redis, useless_paths

    empty = give_redis(items, session.config.rootpath, paths)
    if not session.testsfailed:
        _report_useless(session.config, useless_paths(session.config, empty))


def _prepare_for_both(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Register what runs a test twice, if a test asks for it."""
    from pytest_nadia.redis.session.manager import wanted_choice

    if any(uses_redis(item) and wanted_choice(item).kind == "both" for item in items):
        from pytest_nadia.redis.session import both

        config.pluginmanager.register(both, "nadia-redis-both")


def _report_useless(config: pytest.Config, lines: list[str]) -> None:
    from pytest_nadia.redis.session.summary import USELESS_PATHS

    if summary := config.stash.get(SUMMARY, None):
        summary.add_useless_paths(lines)
    else:
        config.workeroutput[USELESS_PATHS] = lines  # type: ignore[attr-defined]


def pytest_collection_finish(session: pytest.Session) -> None:
    """A worker of pytest-xdist prints nothing itself."""
    if hasattr(session.config, "workeroutput"):
        from pytest_nadia.redis.session.summary import OVERRIDES

        session.config.workeroutput[OVERRIDES] = _overrides(session.config, session.items)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    lines = _overrides(config, items)
    summary = config.stash.get(SUMMARY, None)
    used = list(filter(uses_redis, items))
    if summary is not None and not summary.header_shown and used:
        summary.header_shown = True
        lines.insert(0, _header_of(used))
    return lines if config.get_verbosity() >= 0 else []


def _overrides(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    if not any(map(mentions_redis, items)):
        return []
    from pytest_nadia.redis.session.overrides import overridden_fixtures

    return overridden_fixtures(config, items)


def _header_of(items: list[pytest.Item]) -> str:
    from pytest_nadia.redis.session.manager import wanted_choice

    return f"redis: {', '.join(sorted({str(wanted_choice(item)) for item in items}))}"


def header(config: pytest.Config) -> str:
    """The Redis that the option or the ini file chose."""
    from pytest_nadia.redis.session.manager import backends_of

    return f"redis: {backends_of(config).choice}"


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    if op != "==" or "pytest_nadia.redis.snapshot" not in sys.modules:
        return None
    from pytest_nadia.redis.snapshot import explain_difference

    return explain_difference(left, right) or None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    drop(item, FAILED)
    if seen := watched(item.config):
        seen.forget()
    if problem := item.stash.get(_PROBLEM, ""):
        pytest.fail(problem, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    marker = item.stash.get(MARKER, None)
    if marker and marker.has_budget:
        from pytest_nadia.redis.session.review import check_budget_of

        check_budget_of(item)
    if TURN in item.stash:
        from pytest_nadia.redis.session.review import note_keys

        note_keys(item)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """After the test's own fixtures are gone, because they may close what a lint looks for."""
    try:
        result = yield
        if TURN in item.stash or _saw_a_stranger(item.config):
            from pytest_nadia.redis.session.review import review

            review(item)
        if nextitem is None and DIED in item.config.stash:
            pytest.fail(item.config.stash[DIED], pytrace=False)
        return result
    finally:
        drop(item, TURN)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if TOLD in item.stash:
        from pytest_nadia.redis.session.told import attach

        attach(item, report)
    if call.excinfo is not None:
        item.stash[FAILED] = True
        _explain_scope(report, str(call.excinfo.value))
    return report


def _explain_scope(report: pytest.TestReport, message: str) -> None:
    if message.startswith("ScopeMismatch") and _OUR_FIXTURE.search(message):
        report.sections.append(("pytest-nadia", _OWNER))
