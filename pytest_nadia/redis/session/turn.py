"""One test's turn with a Redis: from the moment it is emptied to the end of the test."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_nadia.redis.instance import RedisServer
from pytest_nadia.redis.process import FrontError
from pytest_nadia.redis.session.keys import DIED, SIDE, TURN, drop
from pytest_nadia.redis.session.manager import NoRedisError, backends_of, wanted_choice
from pytest_nadia.redis.session.marker import marker_of
from pytest_nadia.redis.session.project import settings_of
from pytest_nadia.redis.session.told import to_tell
from pytest_nadia.redis.session.watching import watch
from pytest_nadia.redis.steps import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from redis import Redis

    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.session.choice import Choice
    from pytest_nadia.redis.session.manager import Backend
    from pytest_nadia.redis.wire import CommandRecord

_NAME_IT = (
    "under --nadia-redis=both a test must name its Redis fixture, so that it can be run twice: "
    "request it as an argument or with @pytest.mark.usefixtures"
)
_OFF_AND_ON = (
    "@pytest.mark.redis(off=True) says that this test needs no Redis, but the test, or a fixture "
    "that it requests, requests one: remove the marker's off=True, or that request"
)


class Turn:
    """The Redis of one test; `emptied` waits until it is empty, and gives the ledger's mark."""

    def __init__(
        self, backend: Backend, emptied: Callable[[], int], variables: Iterable[str]
    ) -> None:
        self.server = RedisServer(backend.front)
        self._emptied = emptied
        self._backend = backend
        self._client: Redis | None = None
        self.is_experiment = False
        self._before = {name: os.environ.get(name) for name in variables}
        os.environ.update(dict.fromkeys(self._before, self.server.url))

    @cached_property
    def mark(self) -> int:
        """The number of the test's first command in the ledger. Raises FrontError."""
        return self._emptied()

    def lend_client(self) -> Redis:
        if self._client is None:
            self._client = self._backend.spare.lend()
        return self._client

    @contextmanager
    def experiment(self, judge: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
        """`judge` for this Redis. It runs the test's code many times, so the lints look away."""

        @wraps(judge)
        def run(server: RedisServer, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            self.is_experiment = True
            return judge(server, *arguments, **options)

        problem = ""
        try:
            with bound(run, self.server) as check:
                yield check
        except AssertionError as error:
            problem = str(error)
        if problem:
            pytest.fail(problem, pytrace=False)

    @property
    def spare_socket(self) -> Any:
        """What stays open for the next test's client; None unless this test had one."""
        return None if self._client is None else self._backend.spare.socket

    def records(self) -> list[CommandRecord]:
        """What went to the Redis so far. Raises FrontError."""
        return self.server.front.records(self.mark)

    def end(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self._client is not None:
            self._backend.spare.take_back()
        self.server.close()


def begin(item: pytest.Item) -> Turn:
    """Empty a Redis for the test; the test fails, or is skipped, if there is none."""
    choice = _choose(item)
    turn = _take(item, choice)
    # Not where the error was caught: pytest would show its whole chain.
    if isinstance(turn, NoRedisError):
        _end_without(item, turn)
    item.stash[TURN] = turn
    to_tell(item)["backend"] = str(wanted_choice(item))
    return turn


def _end_without(item: pytest.Item, error: NoRedisError) -> NoReturn:
    line = str(error)
    drop(item.config, DIED)
    to_tell(item)["no_redis"] = [error.first or item.nodeid, line]
    if error.first:
        pytest.skip(line)
    pytest.fail(line, pytrace=False)


def _choose(item: pytest.Item) -> Choice:
    if marker_of(item).off:
        pytest.fail(_OFF_AND_ON, pytrace=False)
    if side := item.stash.get(SIDE, None):
        return side
    choice = wanted_choice(item)
    if choice.kind == "both":
        pytest.fail(_NAME_IT, pytrace=False)
    return choice


def _take(item: pytest.Item, choice: Choice) -> Turn | NoRedisError:
    backends = backends_of(item.config)
    try:
        backend = backends.get(choice, item.nodeid)
        front = backend.front
        emptied = _empty(front)
    except NoRedisError as error:
        return error
    except FrontError as error:
        return backends.lose(choice, item.nodeid, error)
    seen = watch(item.config)
    seen.give((front.host, front.port), front.socket_path)
    seen.spare(front.backstage_path)
    return Turn(backend, emptied, settings_of(item.config).env)


def _empty(front: Front) -> Callable[[], int]:
    """A database that is no longer leased must not be used by the test's first command."""
    if front.kind != "url":
        return front.start_reset()
    mark = front.reset()
    return lambda: mark
