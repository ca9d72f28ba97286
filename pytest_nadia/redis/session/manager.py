"""The Redis servers of a pytest process: each starts when first asked for, all stop at the end."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from pytest_nadia.redis.session.choice import Choice, parse_choice
from pytest_nadia.redis.session.keys import BACKENDS
from pytest_nadia.redis.session.marker import marker_of
from pytest_nadia.redis.session.usage import asked_for

if TYPE_CHECKING:
    import pytest

    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.session.spare import Spare


class NoRedisError(Exception):
    """A Redis cannot be had; one line says why. `first` is the test that was told so before."""

    def __init__(self, line: str, first: str = "") -> None:
        super().__init__(line)
        self.first = first


class Backend:
    """A running Redis, and the connection that is kept for the next test's client."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._spare: Spare | None = None

    @property
    def spare(self) -> Spare:
        from pytest_nadia.redis.session.spare import Spare

        if self._spare is None:
            self._spare = Spare(self.front.url)
        return self._spare

    def close(self) -> None:
        if self._spare is not None:
            self._spare.close()


class Backends:
    """Lives in `config.stash`. `force` leases a database even if it holds keys of others."""

    def __init__(self, choice: Choice, *, force: bool) -> None:
        self.choice = choice
        self._force = force
        self._running: dict[Choice, Backend] = {}
        self._first_told: dict[Choice, str] = {}
        self._stack = ExitStack()

    def get(self, choice: Choice, test: str) -> Backend:
        """The running backend, started if need be. Raises NoRedisError."""
        if first := self._first_told.get(choice):
            raise NoRedisError(f"no Redis: see the error of {first}", first)
        if backend := self._running.get(choice):
            return backend
        from pytest_nadia.redis.process import FrontError

        try:
            return self._start(choice, test)
        except FrontError as error:
            raise self.lose(choice, test, error) from error

    def lose(self, choice: Choice, test: str, error: Exception) -> NoRedisError:
        """Give a backend up: it did not start, or is gone. `test` is the one that is told why."""
        self._first_told[choice] = test
        return NoRedisError(str(error))

    def _start(self, choice: Choice, test: str) -> Backend:
        from pytest_nadia.redis.process import run_front

        match choice.kind:
            case "server":
                starting = run_front("server")
            case "url":
                starting = run_front("url", url=choice.url, force=self._force)
            case _ if self.choice.kind == "both":
                # The embedded Redis says that it is the server with which it is compared.
                version = self.get(Choice("server"), test).front.version
                starting = run_front("embedded", version=version)
            case _:
                starting = run_front("embedded")
        backend = self._running[choice] = Backend(self._stack.enter_context(starting))
        self._stack.callback(backend.close)
        return backend

    def stop(self) -> None:
        self._stack.close()


def backends_of(config: pytest.Config) -> Backends:
    """Those of this run. Raises ValueError if the option or the ini value names no Redis."""
    known = config.stash.get(BACKENDS, None)
    if known is None:
        choice = parse_choice(asked_for(config) or "embedded")
        known = config.stash[BACKENDS] = Backends(choice, force=config.option.nadia_redis_force)
        config.add_cleanup(known.stop)
    return known


def wanted_choice(item: pytest.Item) -> Choice:
    """What the test's marker asks for, or else the option."""
    own = marker_of(item).backend
    return parse_choice(own) if own else backends_of(item.config).choice
