"""What is looked at when a test ends: its budget, then the lints."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.finding import Severity
from pytest_nadia.redis.budget import check_budget
from pytest_nadia.redis.connections import Connections
from pytest_nadia.redis.lints.evidence import Evidence
from pytest_nadia.redis.lints.foreign_redis import RULE as FOREIGN
from pytest_nadia.redis.lints.gathering import (
    keys_without_expiry,
    seen_connections,
    written_databases,
)
from pytest_nadia.redis.lints.registry import lint
from pytest_nadia.redis.process import FrontError
from pytest_nadia.redis.session.keys import DIED, FAILED, RECORDS, SIDE, TURN
from pytest_nadia.redis.session.marker import marker_of
from pytest_nadia.redis.session.project import settings_of
from pytest_nadia.redis.session.told import to_tell
from pytest_nadia.redis.session.watching import watch
from pytest_nadia.redis.settings import with_lints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_nadia.finding import Finding
    from pytest_nadia.redis.lints.evidence import KeyLeft
    from pytest_nadia.redis.session.turn import Turn
    from pytest_nadia.redis.settings import RedisSettings
    from pytest_nadia.redis.wire import CommandRecord

_KEYS: pytest.StashKey[tuple[KeyLeft, ...]] = pytest.StashKey()
_NO_REDIS = (
    "max_commands and max_round_trips count what goes to the Redis of the test, and it has none: "
    "request redis_url, or another of its fixtures"
)


def check_budget_of(item: pytest.Item) -> None:
    """Fails the test if more went to Redis than its marker allows."""
    turn = item.stash.get(TURN, None)
    if turn is None:
        pytest.fail(_NO_REDIS, pytrace=False)
    marker = marker_of(item)
    try:
        problem = check_budget(turn.records(), marker.max_commands, marker.max_round_trips)
    except FrontError as error:
        problem = str(error)
    if problem:
        pytest.fail(problem, pytrace=False)


def note_keys(item: pytest.Item) -> None:
    """Notes which keys stay without expiry before the tear-down may remove them."""
    turn = item.stash.get(TURN, None)
    if turn is None or not (settings := _settings(item)).expires:
        return
    with suppress(FrontError):
        item.stash[_KEYS] = tuple(_keys_left(turn, turn.records(), settings))


def review(item: pytest.Item) -> None:
    """Tells what the lints find; fails the test where they are set to error."""
    turn = item.stash.get(TURN, None)
    try:
        records = turn.records() if turn else []
        if SIDE in item.stash:
            item.stash[RECORDS] = records
        if _is_telling(item, turn) and (records or _saw_connections(item)):
            _tell(item, lint(_evidence(item, turn, records)))
        else:
            _tell_foreign(item)
    except FrontError as error:
        # The next test that wants a Redis is told; if none comes, the last test of all is.
        item.config.stash[DIED] = str(error)


def _tell_foreign(item: pytest.Item) -> None:
    """A connection to another Redis is told of any test: it is what makes most of them fail."""
    if watch(item.config).foreign():
        found = lint(_evidence(item, None, ()))
        _note(item, [each for each in found if each.rule == FOREIGN.number])


def _is_telling(item: pytest.Item, turn: Turn | None) -> bool:
    """A test that failed or was skipped on its way leaves things behind that it would not."""
    return not item.stash.get(FAILED, False) and not (turn and turn.is_experiment)


def _saw_connections(item: pytest.Item) -> bool:
    seen = watch(item.config)
    return bool(seen.opened() or seen.foreign())


def _evidence(item: pytest.Item, turn: Turn | None, records: Sequence[CommandRecord]) -> Evidence:
    seen = watch(item.config)
    settings = _settings(item)
    path, line, name = item.location
    off = marker_of(item).off
    early: tuple[KeyLeft, ...] = item.stash.get(_KEYS, ()) if turn else ()
    left = _keys_left(turn, records, settings) if turn else ()
    return Evidence(
        root=item.config.rootpath,
        path=path,
        line=(line or 0) + 1,
        test=name,
        settings=settings,
        records=tuple(records),
        connections=seen_connections(_without_our_own(seen, turn)) if turn else (),
        keys_left=tuple(dict.fromkeys((*early, *left))),
        foreign=() if off else tuple(seen.foreign()),
    )


def _without_our_own(seen: Connections, turn: Turn) -> Connections:
    """What lives on by our own doing is not worth a search for who holds it."""
    spare = turn.spare_socket
    opened = seen.opened()
    if spare is None or all(one.socket is not spare for one in opened):
        return seen
    front = turn.server.front
    others = Connections()
    others.give((front.host, front.port), front.socket_path)
    for one in opened:
        if one.socket is not spare:
            others.add(one)
    return others


def _settings(item: pytest.Item) -> RedisSettings:
    settings = settings_of(item.config)
    own = marker_of(item).lints
    return with_lints(settings, own) if own else settings


def _keys_left(
    turn: Turn, records: Sequence[CommandRecord], settings: RedisSettings
) -> Iterator[KeyLeft]:
    if not settings.expires:
        return
    from redis import Redis

    path = turn.server.front.backstage_path
    for number in written_databases(records):
        with Redis(unix_socket_path=path, db=number) as client:
            yield from keys_without_expiry(client, number, settings.expires)


def _tell(item: pytest.Item, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    _note(item, [each for each in findings if each.severity is not Severity.ERROR])
    if item.config.option.nadia_report is not None:
        _record(item, findings)
    errors = [each for each in findings if each.severity is Severity.ERROR]
    if errors:
        pytest.fail("\n".join(map(_text, errors)), pytrace=False)


def _note(item: pytest.Item, notes: Sequence[Finding]) -> None:
    if notes:
        to_tell(item)["notes"] = [
            [each.rule, f"{each.path}:{each.line}", each.message, each.help] for each in notes
        ]


def _text(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}"
    return f"{finding.rule} {finding.message}\n  at {place}\n  what to do: {finding.help}"


def _record(item: pytest.Item, findings: Sequence[Finding]) -> None:
    from pytest_nadia.recording import record_extra

    names = ("rule", "severity", "path", "line", "message", "help")
    listed = [{name: getattr(each, name) for name in names} for each in findings]
    record_extra(item, "redis_lints", listed)
