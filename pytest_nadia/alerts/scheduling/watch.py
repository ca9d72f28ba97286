"""A daemon in virtual time, with checks that write down when they run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal, Protocol

from pytest_nadia.clock import virtual_clock

Check = Callable[[], Awaitable[bool]]
Alarm = Callable[[object], None]
Result = Literal["ok", "fails", "raises"]

_START = datetime(2026, 1, 1, tzinfo=UTC)
# Longer than anybody would wait for a program to end.
_STOP_LIMIT_SECONDS = 3600.0
# Slow at the first run, and again soon.
_SEED = 7


class Daemon(Protocol):
    """What runs the checks. `stop` may be `async`."""

    def run(self) -> Awaitable[object]:
        """Run the checks on schedule until stopped."""

    def stop(self) -> object:
        """Make `run` return."""


class MakeDaemon(Protocol):
    """Gives a daemon that runs these checks, by name, and calls `alarm` with a text to alert."""

    def __call__(self, checks: Mapping[str, Check], alarm: Alarm, /) -> Daemon: ...


@dataclass(frozen=True)
class Plan:
    """What the checks do, and for how long it is watched. All times in seconds.

    `durations`: what a check takes now and then, in no rhythm: if it were slow each time, others
    would be late each time, and the gaps between their runs would not show it.
    `results`: what a check gives, run by run; "ok" when they are used up.
    `stop_when_busy`: stop a second after the first check began, not at the end.
    """

    names: tuple[str, ...]
    over: float
    durations: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[str, tuple[Result, ...]] = field(default_factory=dict)
    stop_when_busy: bool = False


@dataclass
class Watched:
    """What was seen. Times in seconds since the daemon was started.

    `alarms`: for each alert, how often each check had been started before it.
    `ended` says how `run` ended too early or `stop` failed, else it is empty.
    """

    starts: dict[str, list[float]]
    alarms: list[dict[str, int]] = field(default_factory=list)
    ended: str = ""
    stop_seconds: float = 0.0
    runs_after_stop: int = 0

    @property
    def runs(self) -> int:
        return sum(map(len, self.starts.values()))


def watch(make_daemon: MakeDaemon, plan: Plan) -> Watched:
    """Run a daemon as planned; takes no real time but what the daemon uses."""
    with virtual_clock(_START) as clock:
        clock.zone("UTC")
        return asyncio.run(_Watching(make_daemon, plan).watch())


class _Watching:
    def __init__(self, make_daemon: MakeDaemon, plan: Plan) -> None:
        self._plan = plan
        self._make_daemon = make_daemon
        self._seen = Watched({name: [] for name in plan.names})
        self._busy = asyncio.Event()

    async def watch(self) -> Watched:
        self._begin = self._now()
        checks = {name: self._check(name) for name in self._plan.names}
        daemon = self._make_daemon(checks, self._alarm)
        running = asyncio.ensure_future(daemon.run())
        await self._wait(running)
        if running.done():
            after = f"run() ended after {self._now() - self._begin:g} s"
            self._seen.ended = after + _error_of(running)
        else:
            await self._stop(daemon, running)
        return self._seen

    async def _wait(self, running: asyncio.Future[Any]) -> None:
        if not self._plan.stop_when_busy:
            await asyncio.wait([running], timeout=self._plan.over)
            return
        busy: asyncio.Future[Any] = asyncio.ensure_future(self._busy.wait())
        await asyncio.wait(
            [running, busy], timeout=self._plan.over, return_when=asyncio.FIRST_COMPLETED
        )
        busy.cancel()
        await asyncio.wait([running], timeout=1)

    async def _stop(self, daemon: Daemon, running: asyncio.Future[Any]) -> None:
        begin = self._now()
        stopping: asyncio.Future[Any] = asyncio.ensure_future(_finish(daemon.stop))
        await asyncio.wait({stopping, running}, timeout=_STOP_LIMIT_SECONDS)
        self._seen.stop_seconds = self._now() - begin
        await self._end(stopping, "stop() failed")
        await self._end(running, "run() failed when it was stopped")
        runs = self._seen.runs
        await asyncio.sleep(self._plan.over)
        self._seen.runs_after_stop = self._seen.runs - runs

    async def _end(self, task: asyncio.Future[Any], failure: str) -> None:
        task.cancel()
        await asyncio.wait([task])
        if error := _error_of(task):
            self._seen.ended = failure + error

    def _check(self, name: str) -> Check:
        results = iter(self._plan.results.get(name, ()))
        coin = Random(_SEED)

        async def check() -> bool:
            self._seen.starts[name].append(self._now() - self._begin)
            if (duration := self._plan.durations.get(name)) and coin.random() < 0.5:
                self._busy.set()
                await asyncio.sleep(duration)
            result = next(results, "ok")
            if result == "raises":
                raise RuntimeError(f"{name} cannot be checked")
            return result == "ok"

        return check

    def _alarm(self, _: object) -> None:
        self._seen.alarms.append({name: len(all_) for name, all_ in self._seen.starts.items()})

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _error_of(task: asyncio.Future[Any]) -> str:
    error = None if task.cancelled() else task.exception()
    return f": {type(error).__name__}: {error}" if error else ""


async def _finish(function: Callable[[], object]) -> None:
    result = function()
    if inspect.isawaitable(result):
        await result
