"""Whether an operation does its work once, also when a reply of Redis is lost on the way.

The command was applied, the client does not know: it raises, or it sends the command again. Many
client libraries do the latter by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias, overload

from pytest_nadia.redis.retrying.judge import APPLIED, Judge
from pytest_nadia.redis.retrying.report import CommandOutcome, RetryReport, RetryUnsafeError
from pytest_nadia.redis.retrying.run import RetryFront, Run, queued, run_once, run_with_loss
from pytest_nadia.redis.steps import (
    Call,
    Steps,
    check_call,
    describe_error,
    drive,
    drive_async,
    is_asynchronous,
)
from pytest_nadia.redis.wire import CommandRecord

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

__all__ = ["CommandOutcome", "RetryReport", "RetryUnsafeError", "assert_retry_safe"]

SECONDS = 30.0
_RAN = APPLIED | {"error"}
AsyncCall: TypeAlias = Callable[[], Coroutine[Any, Any, object]]


class Server(Protocol):
    """A `RedisServer`, as far as this needs it."""

    @property
    def front(self) -> RetryFront: ...


@overload
def assert_retry_safe(  # type: ignore[overload-overlap]
    server: Server, operation: AsyncCall, *, setup: Call | None = None, seconds: float = SECONDS
) -> Coroutine[Any, Any, RetryReport]: ...
@overload
def assert_retry_safe(
    server: Server, operation: Call, *, setup: Call | None = None, seconds: float = SECONDS
) -> RetryReport: ...
def assert_retry_safe(
    server: Server, operation: Call, *, setup: Call | None = None, seconds: float = SECONDS
) -> RetryReport | Coroutine[Any, Any, RetryReport]:
    """Lose the reply to each write command of the operation, once each, and compare the states.

    `operation` takes no arguments, is plain or async, and sends its commands to `server` with the
    client that the program uses. `setup`, plain or async, fills Redis before each run. If one of
    them is async the result is to be awaited. Redis is emptied before each of the runs: two
    without a fault, one for each write command, and one more without a fault if something was
    found. An operation that does not end within `seconds` after a loss has hung.

    Raises RetryUnsafeError, an AssertionError, if a command was applied twice, if something was
    taken or left undone without the caller being told, if the operation hung, or if it sent
    fewer writes than before; AssertionError if it fails without a fault, or writes nothing;
    TypeError for what is no function.
    """
    check_call("assert_retry_safe", operation)
    if setup is not None:
        check_call("setup", setup)
    steps = _examine(server.front, setup, operation, seconds)
    if is_asynchronous(operation) or is_asynchronous(setup):
        return drive_async(steps)
    return drive(steps)


def _examine(
    front: RetryFront, setup: Call | None, operation: Call, seconds: float
) -> Steps[RetryReport]:
    clean: list[Run] = []
    for _ in range(2):
        clean.append((yield from _clean_run(front, setup, operation)))
    writes = _testable(clean[-1])
    if not writes:
        raise AssertionError(_nothing_written(clean[-1]))
    faulty: list[Run] = []
    for place, _ in writes:
        faulty.append((yield from run_with_loss(front, setup, operation, place, seconds)))
    records = [record for _, record in writes]
    report = Judge.of(clean, faulty).report(records, faulty)
    if report.failures:
        # Clocks of whole seconds are often the same in two quick runs.
        another = yield from run_once(front, setup, operation)
        if another.error is None:
            report = Judge.of([*clean, another], faulty).report(records, faulty)
    if report.failures:
        raise RetryUnsafeError(report)
    return report


def _clean_run(front: RetryFront, setup: Call | None, operation: Call) -> Steps[Run]:
    run = yield from run_once(front, setup, operation)
    if run.error is not None:
        problem = f"the operation fails without any fault: {describe_error(run.error)}"
        raise AssertionError(problem) from run.error
    return run


def _nothing_written(run: Run) -> str:
    seen = ", ".join(sorted({r.name for r in run.records if not r.handshake})) or "none at all"
    return (
        "the operation sent no write command to this Redis, so nothing was tested; "
        f"commands seen: {seen}"
    )


def _testable(run: Run) -> list[tuple[int, CommandRecord]]:
    """The writes whose replies will be lost, each with its place among all writes.

    Not those in a transaction: it is EXEC that applies them. What ended with an error may have
    written before.
    """
    waiting = set().union(*queued(run.records).values())
    return [
        (place, record)
        for place, record in enumerate(run.writes, start=1)
        if record.number not in waiting and record.outcome in _RAN
    ]
