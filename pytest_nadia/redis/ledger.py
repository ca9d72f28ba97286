"""What went to Redis in one test: the commands, their round trips, the connections."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_nadia.redis import commands
from pytest_nadia.redis.backends.blocking import BlockingClient
from pytest_nadia.redis.budget import (
    BudgetExceededError,
    check_budget,
    check_limits,
    count_round_trips,
)
from pytest_nadia.redis.faulting.arguments import unknown_command
from pytest_nadia.redis.process import FrontError

if TYPE_CHECKING:
    from typing import Self

    from pytest_nadia.redis.call_stack import Frame
    from pytest_nadia.redis.connections import Connections
    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.wire import CommandRecord, ConnectionRecord

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

__all__ = ["Budget", "BudgetExceededError", "Connection", "RedisLedger", "check_budget"]

_SECONDS_TO_ANSWER = 30.0
# These ran, so the server counted them too.
_ACCEPTED = ("ok", "error", "lost")
_RUN_SCRIPTS = ("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO")


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's connection.

    `port` is the client's own, 0 on the unix socket; `opened` and `closed` are seconds on the
    server's clock; `opened_by` is the stack that opened it, the innermost call first, empty if
    that is not known: another process did, or a library that is not written in Python.
    """

    number: int
    port: int
    name: str
    opened: float
    closed: float
    opened_by: tuple[Frame, ...]

    @property
    def is_open(self) -> bool:
        return self.closed == 0.0


class Budget:
    """The most that may go to Redis in its `with` block, and what has gone so far.

    Raises `BudgetExceededError` at the end if more went, or if nothing did and no limit is 0:
    such a budget measured nothing. What the block raises itself comes first; then `unnoticed`
    says afterwards what was wrong.
    """

    def __init__(self, front: Front, commands: int | None, round_trips: int | None) -> None:
        check_limits(commands, round_trips)
        self._front = front
        self._limits = commands, round_trips
        self._since: int | None = None
        self._all: list[CommandRecord] | None = None
        self._unnoticed = ""

    def __enter__(self) -> Self:
        self._since = self._front.mark()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._unnoticed = self._end_quietly()
        elif problem := self._end():
            raise BudgetExceededError(problem)

    def _end(self) -> str:
        self._all = self.records
        return check_budget(self._all, *self._limits)

    def _end_quietly(self) -> str:
        try:
            return self._end()
        except Exception as error:
            return f"a budget could not be read, so nobody knows whether it was kept: {error}"

    @property
    def was_used(self) -> bool:
        return self._since is not None

    @property
    def unnoticed(self) -> str:
        """What was wrong at the end of a block that ended by an exception, or ""."""
        return self._unnoticed

    @property
    def records(self) -> list[CommandRecord]:
        """The block's commands, without the handshakes that client libraries send."""
        if self._all is not None or self._since is None:
            return self._all or []
        return _without_handshakes(self._front.records(self._since))

    @property
    def commands(self) -> int:
        return len(self.records)

    @property
    def round_trips(self) -> int:
        return count_round_trips(self.records)


class RedisLedger:
    """What the fixture `redis_ledger` gives: all that the test's Redis got since its start.

    `since` is one of the front's marks; `opened`, if given, knows who opened which connection.
    """

    def __init__(self, front: Front, since: int, opened: Connections | None = None) -> None:
        self._front = front
        self._since = since
        self._opened = opened
        self._hidden: set[int] = set()
        self._budgets: list[Budget] = []
        self._mark_of_stats = front.mark()
        self._stats = self._calls_of_others()

    @property
    def commands(self) -> list[CommandRecord]:
        """In order of arrival, without the handshakes that client libraries send."""
        return _without_handshakes(self._front.records(self._since))

    @property
    def handshakes(self) -> list[CommandRecord]:
        """What client libraries sent by themselves when they connected."""
        return [one for one in self._front.records(self._since) if one.handshake]

    @property
    def round_trips(self) -> int:
        """How often a client waited for replies: once for a pipeline."""
        return count_round_trips(self.commands)

    @property
    def rejected(self) -> list[CommandRecord]:
        """Commands that the server refused to run: unknown, wrong arity, OOM, NOAUTH, ...

        Libraries try out by handshakes what a server knows: what it refuses of them is no news.
        """
        return [one for one in self.commands if one.outcome == "rejected"]

    @property
    def connections(self) -> list[Connection]:
        """Those that are open, or were at some time since the start."""
        records = self._front.connections()
        return [self._connection(one) for one in records if one.number not in self._hidden]

    @property
    def script_commands(self) -> dict[str, int]:
        """What scripts called inside, and how often, by the server's own count.

        Empty if no script ran. What reached a real server by another way than the test's Redis in
        the same time is counted too: other users of a shared one, `advance()`.
        """
        records = self._front.records(self._mark_of_stats)
        if not any(one.name in _RUN_SCRIPTS for one in records):
            return {}
        inside = self._calls_of_others() - self._stats - _accepted(records)
        return dict(sorted(inside.items()))

    def count(self, name: str) -> int:
        """How often a command ran, handshakes included: what INFO commandstats counts as `calls`.

        It counts under the name that went over the wire: redis-py's `incr()` is an INCRBY. A
        container such as "CLIENT" counts all its sub-commands. Raises ValueError for an unknown
        name.
        """
        exact = commands.canonical(name)
        if exact is None:
            raise ValueError(unknown_command(name))
        ran = _accepted(self._front.records(self._since))
        inside = (times for one, times in ran.items() if one.startswith(f"{exact} "))
        return ran[exact] + sum(inside)

    def clear(self) -> None:
        """Begin anew; of the connections, those that are open now stay."""
        self._since = self._mark_of_stats = self._front.mark()
        self._hidden |= {one.number for one in self._front.connections() if one.closed}
        self._stats = self._calls_of_others()

    def budget(self, *, commands: int | None = None, round_trips: int | None = None) -> Budget:
        """At most so many commands and round trips in a `with` block; see `Budget`.

        Raises ValueError without a limit, or for one that is no count.
        """
        self._budgets.append(Budget(self._front, commands, round_trips))
        return self._budgets[-1]

    def check_used(self) -> None:
        """Raises `BudgetExceededError` for a budget that was never entered, or not kept.

        The latter is for a block that ended by an exception which the test expected.
        """
        for problem in filter(None, (budget.unnoticed for budget in self._budgets)):
            raise BudgetExceededError(problem)
        if not all(budget.was_used for budget in self._budgets):
            raise BudgetExceededError(
                "a budget measured nothing: write `with redis_ledger.budget(...):`"
            )

    def _connection(self, record: ConnectionRecord) -> Connection:
        return Connection(
            number=record.number,
            port=record.port,
            name=record.name,
            opened=record.opened,
            closed=record.closed,
            opened_by=self._opened.opened_at(record.port) if self._opened else (),
        )

    def _calls_of_others(self) -> Counter[str]:
        """The server's own counts, less what the plugin asked behind the stage."""
        with BlockingClient(self._front.backstage_path, _SECONDS_TO_ANSWER) as backstage:
            stats = backstage.call("INFO", "commandstats")
        if not isinstance(stats, bytes):
            raise FrontError(f"the Redis of the tests does not tell its commandstats: {stats}")
        calls = Counter(
            {
                name.replace("|", " ").upper(): int(number)
                for name, number in re.findall(r"cmdstat_([^:]+):calls=(\d+)", stats.decode())
            }
        )
        calls.subtract(self._front.backstage_counts())
        return calls


def _without_handshakes(records: list[CommandRecord]) -> list[CommandRecord]:
    return [one for one in records if not one.handshake]


def _accepted(records: list[CommandRecord]) -> Counter[str]:
    return Counter(one.name for one in records if one.outcome in _ACCEPTED)
