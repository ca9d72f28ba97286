"""Puts one fault after the other under a check, and tells what it noticed."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_nadia.health.bench import Bench
from pytest_nadia.health.bounded import Ran, run_bounded
from pytest_nadia.health.catalogue import choose
from pytest_nadia.health.fault import (
    HealthFault,
    NeverFiredError,
    NotApplicableError,
    Target,
    health_fault,
)
from pytest_nadia.health.judging import judge
from pytest_nadia.health.limits import limit_of, refuse_wrong_limits
from pytest_nadia.health.reading import Reading, shown
from pytest_nadia.health.reads import Reads
from pytest_nadia.health.result import HealthResult, Row
from pytest_nadia.health.search import search
from pytest_nadia.health.subject import Subject, call
from pytest_nadia.health.surroundings import Surroundings, find_places
from pytest_nadia.timing import real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_nadia.health.bench import Store
    from pytest_nadia.health.judging import Outcome
    from pytest_nadia.health.subject import Check
    from pytest_nadia.redis.instance import RedisServer


class RedBeforeAnyFaultError(AssertionError):
    """The check is not healthy without a fault, so that no fault could be told from that."""


class HealthMatrix:
    """What the fixture `health_matrix` gives: runs checks under faults, on one Redis.

    `limits` are those of `[tool.nadia.health.limits]`; `results` are all that were found so far.
    """

    def __init__(self, server: RedisServer, limits: Mapping[str, float] | None = None) -> None:
        self._server = server
        self._limits = dict(limits or {})
        self._own: list[HealthFault] = []
        self.results: list[HealthResult] = []

    def fault(
        self, name: str, *, says: str, group: str = "own", healthy: bool = False
    ) -> Callable[[Callable[[Bench], object]], HealthFault]:
        """A decorator that adds a fault to this matrix; see `health_fault`."""

        def add(function: Callable[[Bench], object]) -> HealthFault:
            made = health_fault(name, says=says, group=group, healthy=healthy)(function)
            self._own.append(made)
            return made

        return add

    def run(
        self,
        check: Check,
        *,
        healthy: Callable[..., Any] | None = None,
        faults: Iterable[str | HealthFault] | None = None,
        deadline: float = 3.0,
        store: Store | None = None,
        limits: Mapping[str, float] | None = None,
    ) -> HealthResult:
        """Run a check once without, and then under every fault; none takes over `deadline` s.

        `check` is a function, a coroutine function, an object with a method `check`, or a command
        as a list of words; it finds Redis by REDIS_URL, or as an argument `url` or `client`.
        `healthy` puts into Redis what a healthy system holds. `faults` are names, globs, groups
        or faults of your own; without it, all. `store` is the path of a SQLite file, or a function
        that puts a fault by its name into the project's store. `limits` add to the configured
        ones, "memory" in MB (2**20 bytes).

        Raises `RedBeforeAnyFaultError`, and ValueError for what cannot be run.
        """
        __tracebackhide__ = True
        if time.monotonic is not real.monotonic:
            raise ValueError(
                "health_matrix measures real seconds: run it in a test without virtual_clock"
            )
        if not 0 < deadline < 3600:
            raise ValueError(f"deadline is a number of seconds from 0 to 3600, not {deadline!r}")
        chosen = choose(faults, self._own)
        known = self._limits | dict(limits or {})
        refuse_wrong_limits(known)
        subject = Subject(check, self._server.url)
        started = real.monotonic()
        _fill(healthy, self._server.url)
        run = _Run(self._server, subject, deadline, store, known)
        problem = run.begin()
        if problem:
            raise RedBeforeAnyFaultError(problem)
        rows = [row for fault in chosen for row in run.rows(fault)]
        seconds = real.monotonic() - started
        result = HealthResult(_name(check), shown(run.healthy), rows, seconds)
        self.results.append(result)
        return result


class _Run:
    """One check's matrix, while it is made."""

    def __init__(
        self,
        server: RedisServer,
        subject: Subject,
        deadline: float,
        store: Store | None,
        limits: Mapping[str, float],
    ) -> None:
        self._server = server
        self._subject = subject
        self._deadline = deadline
        self._store = store
        self._limits = limits
        self._found: dict[str, float | None] = {}
        self.healthy = Reading("healthy")

    def begin(self) -> str:
        """The healthy run; gives what is wrong if it is not healthy."""
        self._places = find_places()
        self._before = self._server.snapshot()
        self._reads = Reads()
        mark = self._server.front.mark()
        ran = self._call(self._bench())
        if ran.reading is None or ran.reading.state != "healthy" or ran.ending != "returned":
            return _red(ran)
        self.healthy = ran.reading
        records = self._server.front.records(mark)
        self._server.restore(self._before)
        self._reads = Reads(
            records=records,
            machine=frozenset(ran.machine),
            is_command=self._subject.is_command,
            has_store=self._store is not None,
            **_keys(self._bench()),
        )
        return ""

    def rows(self, fault: HealthFault) -> list[Row]:
        targets = fault.targets(self._reads)
        if not targets:
            return [_left_out(fault, Target(), fault.why_not)]
        return [self._row(fault, target) for target in targets]

    def _row(self, fault: HealthFault, target: Target) -> Row:
        if not fault.sized:
            return self._once(fault, target, None)
        name = fault.measure or target.name
        limit = limit_of(self._limits, name)
        if limit is not None:
            return self._once(fault, target, limit + fault.beyond)
        return self._searched(fault, target, name)

    def _searched(self, fault: HealthFault, target: Target, name: str) -> Row:
        """Without a limit: sizes double until the check is red, and that is the limit."""
        if name not in self._found:
            self._found[name] = search(lambda size: self._is_red(fault, target, size))
        found = self._found[name]
        if found is None:
            outcome: Outcome = "not applicable" if fault.healthy else "missed"
            detail = (
                f"no limit was found: put {name!r} into [tool.nadia.health.limits], "
                "or let the check have one"
            )
            return Row(fault.row_name(target), fault.group, outcome, 0.0, detail, fault.healthy)
        if fault.healthy:
            return _left_out(fault, target, f"no limit is configured; red above {found:g}")
        row = self._once(fault, target, found + 1)
        told = f"red above {found:g}, which is not configured: {row.detail}"
        return replace(row, detail=told)

    def _is_red(self, fault: HealthFault, target: Target, size: float) -> bool:
        planted = replace(fault, healthy=False)
        return self._once(planted, target, size).detail != "says that all is well"

    def _once(self, fault: HealthFault, target: Target, size: float | None) -> Row:
        bench = self._bench()
        bench.size = size or 0
        name = fault.row_name(target)
        mark = self._server.front.mark()
        try:
            with ExitStack() as stack:
                stack.callback(self._server.restore, self._before)
                stack.enter_context(fault.put(bench, target))
                ran = self._call(bench)
                self._require_fired(bench, ran, mark)
        except NotApplicableError as error:
            return _left_out(fault, target, str(error))
        except NeverFiredError as error:
            return Row(name, fault.group, "invalid", 0.0, f"the fault never fired: {error}")
        outcome, detail = judge(fault, target, ran, self.healthy, size)
        return Row(name, fault.group, outcome, ran.seconds, detail, fault.healthy)

    def _require_fired(self, bench: Bench, ran: Ran, mark: int) -> None:
        """Raises `NeverFiredError` if the check never came near what was put in."""
        if ran.ending != "returned":
            return
        if bench.measure and bench.measure not in ran.machine:
            raise NeverFiredError(f"the check did not measure the {bench.measure}")
        if bench.door and not self._subject.is_command and not ran.connects:
            raise NeverFiredError("the check did not connect to Redis")
        if bench.watched is not None:
            records = self._server.front.records(mark)
            if not any(bench.watched in (one.key, *one.arguments) for one in records):
                raise NeverFiredError(f"the check did not read {bench.watched.decode()}")

    def _call(self, bench: Bench) -> Ran:
        return run_bounded(self._subject.run, self._deadline, bench.surroundings)

    def _bench(self) -> Bench:
        surroundings = Surroundings(places=self._places)
        return Bench(
            self._server, self._reads, self._deadline, self._store, surroundings=surroundings
        )


def _left_out(fault: HealthFault, target: Target, why: str) -> Row:
    name = fault.row_name(target)
    return Row(name, fault.group, "not applicable", 0.0, why, fault.healthy)


def _red(ran: Ran) -> str:
    said = ran.detail or (shown(ran.reading) if ran.reading else "nothing")
    if ran.output:
        said += f" (it printed: {' '.join(ran.output.split())[-300:]})"
    if ran.reading is not None and ran.reading.state == "nonsense":
        return (
            f"the check gave a result that says neither healthy nor not: {said}; let it return "
            "a bool, a text such as 'ok', an exit code, or an object with .healthy or .status"
        )
    return f"red before any fault: {said}; pass healthy= a function that fills Redis"


def _keys(bench: Bench) -> dict[str, Any]:
    with bench.data() as client:
        redis: Any = client
        types = {key: redis.type(key).decode() for key in redis.scan_iter(count=1000)}
        expiring = frozenset(key for key in types if redis.pttl(key) >= 0)
    return {"types": types, "expiring": expiring}


def _fill(healthy: Callable[..., Any] | None, url: str) -> None:
    """Call `healthy`; in a thread where an event loop runs that could not wait for it."""
    if healthy is None:
        return
    errors: list[BaseException] = []

    def work() -> None:
        try:
            call(healthy, url)
        except BaseException as error:
            errors.append(error)

    if inspect.iscoroutinefunction(healthy) and _in_a_loop():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    else:
        work()
    for error in errors:
        raise error


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _name(check: Check) -> str:
    if isinstance(check, str):
        return check
    if isinstance(check, list | tuple):
        return " ".join(map(str, check))
    name = getattr(check, "__qualname__", None) or type(check).__qualname__
    return str(name).rpartition("<locals>.")[2]
