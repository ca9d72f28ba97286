"""Whether a project's backup and restore of Redis bring everything back, and nothing else."""

from __future__ import annotations

import reprlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from pytest_nadia.redis.backstage import HasBackstage, backstage, empty, snapshot_of
from pytest_nadia.redis.backups.command import CommandFailedError, command_call
from pytest_nadia.redis.backups.report import BackupReport
from pytest_nadia.redis.snapshot import Snapshot
from pytest_nadia.redis.state.everything import fill_with_everything
from pytest_nadia.redis.steps import (
    Call,
    Steps,
    describe_error,
    drive,
    drive_async,
    is_asynchronous,
)

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

Action: TypeAlias = Callable[[], object] | Sequence[str] | str

_SECONDS = 60.0


class Server(Protocol):
    """A `RedisServer`, as far as backups need it."""

    @property
    def url(self) -> str: ...
    @property
    def front(self) -> HasBackstage: ...


def assert_backup_roundtrip(
    server: Server,
    backup: Action,
    restore: Action,
    *,
    databases: Sequence[int] = (0,),
    seconds: float = _SECONDS,
    seed: int | None = None,
) -> Any:
    """Back up a Redis that holds every type, restore it, and compare.

    `backup` and `restore` are functions without arguments, plain or async, or commands: a list, or
    a string that is split as a shell would. A command finds the server in REDIS_URL and has
    `seconds` to end. They run in this order: backup; restore into an empty Redis; restore over
    other data. `databases` are filled; more than 0 needs a server of the tests' own. `seed`
    repeats the data of an earlier run. If one of the functions is async the result is to be
    awaited.

    Raises AssertionError: what was lost by type, changed, lost its expiry, and what a restore
    over existing data mixed up. TypeError for what is neither function nor command.
    """
    trip = _Roundtrip(
        server.front,
        _as_call("backup", backup, server.url, seconds),
        _as_call("restore", restore, server.url, seconds),
        tuple(databases),
        secrets.randbelow(10**6) if seed is None else seed,
    )
    if is_asynchronous(backup) or is_asynchronous(restore):
        return drive_async(trip.steps())
    return drive(trip.steps())


def _as_call(name: str, action: Action, url: str, seconds: float) -> Call:
    if callable(action):
        return action
    given: object = action
    if not isinstance(given, Sequence) or isinstance(given, bytes):
        raise TypeError(
            f"{name} is a function without arguments or a command, not {reprlib.repr(given)}"
        )
    return command_call(action, url, seconds)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, CommandFailedError) else describe_error(error)


@dataclass(frozen=True, slots=True)
class _Roundtrip:
    front: HasBackstage
    backup: Call
    restore: Call
    databases: tuple[int, ...]
    seed: int

    def steps(self) -> Steps[None]:
        before = self._fill(self.seed)
        yield from self._run("backup", self.backup)
        backed_up = snapshot_of(self.front)
        empty(self.front)
        yield from self._run("restore", self.restore)
        restored = snapshot_of(self.front)
        self._fill(self.seed + 1)
        problem = yield from self._restore_again()
        restored_over = snapshot_of(self.front)
        report = BackupReport(before, backed_up, restored, restored_over, problem)
        if lines := report.lines():
            raise AssertionError("\n".join([self._headline(), *lines]))

    def _fill(self, seed: int) -> Snapshot:
        empty(self.front)
        with backstage(self.front) as client:
            fill_with_everything(client, seed, self.databases)
        return snapshot_of(self.front)

    def _run(self, name: str, call: Call) -> Steps[None]:
        try:
            yield call
        except Exception as error:
            raise AssertionError(f"the {name} failed: {_reason(error)}") from error

    def _restore_again(self) -> Steps[str]:
        try:
            yield self.restore
        except Exception as error:
            return _reason(error)
        return ""

    def _headline(self) -> str:
        return f"backup and restore do not give back what was there (seed={self.seed}):"
