"""Faults that a test puts before its Redis, each for the length of a `with` block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.backstage import backstage
from pytest_nadia.redis.faulting import arguments
from pytest_nadia.redis.faulting.arguments import as_written, unless
from pytest_nadia.redis.faulting.error_texts import full_text
from pytest_nadia.redis.faulting.memory_limit import MemoryLimit
from pytest_nadia.redis.faulting.switch import DoorSwitch, RuleSwitch
from pytest_nadia.redis.wire import Rule, RuleState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import TracebackType
    from typing import Protocol, Self

    from pytest_nadia.redis.process import Front

    class Switch(Protocol):
        """What a fault does when its block begins and ends."""

        def on(self) -> None: ...
        def state(self) -> RuleState: ...
        def off(self) -> RuleState: ...
        def why_unfired(self, state: RuleState) -> str: ...


# A traceback of pytest ends where the test called.
__tracebackhide__ = True


KB = 1024
MB = 1024 * KB
GB = 1024 * MB


class UnfiredFaultError(AssertionError):
    """A fault hit nothing while it was on, so the test did not test it."""


class Fault:
    """One fault. It is on inside its `with` block, which can be entered once.

    Raises `UnfiredFaultError` at the end of a block in which it hit nothing. What the block
    raises itself comes first; then `unnoticed` says afterwards what was wrong with the fault.
    One that is not `must_fire` may hit nothing that can be seen.
    """

    def __init__(self, call: str, switch: Switch, *, must_fire: bool = True) -> None:
        self._call = call
        self._switch = switch
        self._must_fire = must_fire
        self._last = RuleState(0, {})
        self._phase = "unused"
        self._unnoticed = ""

    @property
    def fired(self) -> int:
        """How often it hit: commands, or for `down` and `flap` connections."""
        return self._state().fired

    @property
    def seen(self) -> dict[str, int]:
        """The commands that came while it was on, and how often; handshakes are left out."""
        return self._state().seen

    @property
    def was_used(self) -> bool:
        return self._phase != "unused"

    @property
    def unnoticed(self) -> str:
        """That it hit nothing in a block that ended by an exception, or ""."""
        return self._unnoticed

    def __str__(self) -> str:
        return f"redis_faults.{self._call}"

    def __enter__(self) -> Self:
        if self.was_used:
            raise ValueError(f"{self} was entered before: call it again for a second block")
        self._switch.on()
        self._phase = "on"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._phase = "over"
        if error is not None:
            self._unnoticed = self._end_quietly()
        elif problem := self._end():
            raise UnfiredFaultError(problem)

    def _end(self) -> str:
        self._last = self._switch.off()
        if self._last.fired or not self._must_fire:
            return ""
        return f"{self} never fired: {self._switch.why_unfired(self._last)}"

    def _end_quietly(self) -> str:
        try:
            return self._end()
        except Exception as error:
            return f"{self} could not be turned off, so nobody knows whether it fired: {error}"

    def _state(self) -> RuleState:
        return self._switch.state() if self._phase == "on" else self._last


class RedisFaults:
    """What the fixture `redis_faults` gives. Every method gives a `Fault` for a `with` statement.

    `on` is the name of a command, or several; what its aliases send is hit as well. `nth` is the
    first matching command that is hit, counted from 1, and `times` how many are hit from there.
    Values that make no sense and unknown commands raise ValueError.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._made: list[Fault] = []

    def down(self, *, seen: bool = True) -> Fault:
        """Connections are refused, and open ones closed.

        It fires for connections that it closes, and for refused ones of this process's Python
        sockets. `seen=False` is for a test in which only others are refused, whom nobody sees: it
        does not fail if nothing was hit.
        """
        return self._door(as_written("down", seen=unless(seen, True)), Rule(action="down"), seen)

    def hang(self) -> Fault:
        """Connections are accepted, and nothing is ever answered."""
        return self._fault("hang()", Rule(action="hang"))

    def latency(self, seconds: float, on: str | Sequence[str] | None = None) -> Fault:
        """Every reply comes `seconds` later."""
        rule = Rule(
            action="latency",
            seconds=arguments.seconds("seconds", seconds),
            on=arguments.command_names(on),
        )
        return self._fault(as_written("latency", seconds, on=on), rule)

    def drop_after(self, bytes: int) -> Fault:
        """Each connection is closed once it got this many bytes of replies."""
        rule = Rule(action="drop_after", size=arguments.count("bytes", bytes, 0))
        return self._fault(as_written("drop_after", bytes=bytes), rule)

    def cut_reply(
        self, on: str | Sequence[str] | None = None, nth: int = 1, times: int = 1
    ) -> Fault:
        """The connection is closed in the middle of a reply."""
        rule = Rule(
            action="cut_reply",
            on=arguments.command_names(on),
            nth=arguments.count("nth", nth, 1),
            times=arguments.count("times", times, 1),
        )
        counts = {"nth": unless(nth, 1), "times": unless(times, 1)}
        return self._fault(as_written("cut_reply", on=on, **counts), rule)

    def lose_reply(
        self, on: str | Sequence[str], *, hang: bool = False, nth: int = 1, times: int = 1
    ) -> Fault:
        """The command is applied, its reply lost and the connection closed.

        With `hang` the connection stays open, and neither this nor a later reply comes.
        """
        rule = Rule(
            action="lose_reply",
            on=arguments.command_names(on),
            hang=hang,
            nth=arguments.count("nth", nth, 1),
            times=arguments.count("times", times, 1),
        )
        counts = {"nth": unless(nth, 1), "times": unless(times, 1)}
        return self._fault(as_written("lose_reply", on, hang=hang or None, **counts), rule)

    def error(
        self,
        text: str,
        *,
        on: str | Sequence[str] | None = None,
        nth: int = 1,
        times: int | None = None,
        key: str | bytes | None = None,
    ) -> Fault:
        """Commands are not run, but answered with an error.

        `text` is a short name, for which the server's full text is sent ("LOADING", "READONLY",
        "OOM", "BUSY", "NOAUTH", "WRONGPASS", "MASTERDOWN", "MISCONF", "NOREPLICAS",
        "CLUSTERDOWN", "TRYAGAIN", "NOSCRIPT"), or any text ("MOVED 1234 127.0.0.1:7001").
        Without `on` it hits what the server's own error would hit: "READONLY" what writes.
        `key` is a glob for the first key.
        """
        rule = Rule(
            action="error",
            text=full_text(text),
            on=arguments.command_names(on),
            key=arguments.glob(key),
            nth=arguments.count("nth", nth, 1),
            times=arguments.times_or_all(times),
        )
        call = as_written("error", text, on=on, nth=unless(nth, 1), times=times, key=key)
        return self._fault(call, rule)

    def info(self, **fields: float | str) -> Fault:
        """INFO shows these values: `info(used_memory=201 * MB)`.

        The size for people beside a size in bytes (used_memory_human) follows it. It fires where
        a section is asked for that has one of the fields.
        """
        rule = Rule(action="info", fields=arguments.info_fields(fields, self._own_fields))
        return self._fault(as_written("info", **fields), rule)

    def flap(self, *, up: float, down: float, seen: bool = True) -> Fault:
        """The server can be reached for `up` seconds, then is down for `down`, over and over.

        `seen` is that of `down`.
        """
        rule = Rule(
            action="flap",
            seconds=arguments.seconds("up", up),
            down_seconds=arguments.seconds("down", down),
        )
        call = as_written("flap", up=up, down=down, seen=unless(seen, True))
        return self._door(call, rule, seen)

    def maxmemory(self, bytes: int) -> Fault:
        """Sets the server's own limit, so that it refuses writes itself; restored at the end.

        Raises ValueError for a server that others use too.
        """
        limit = MemoryLimit(self._front, arguments.count("bytes", bytes, 1))
        return self._add(Fault(as_written("maxmemory", bytes), limit))

    def check_used(self) -> None:
        """Raises `UnfiredFaultError` for a fault that was never entered, or hit nothing.

        The latter is for a block that ended by an exception which the test expected.
        """
        for fault in self._made:
            if fault.unnoticed:
                raise UnfiredFaultError(fault.unnoticed)
            if not fault.was_used:
                raise UnfiredFaultError(f"{fault} was never on: write `with {fault}:`")

    def _own_fields(self) -> Collection[str]:
        with backstage(self._front) as client:
            return client.info("everything").keys()

    def _fault(self, call: str, rule: Rule) -> Fault:
        return self._add(Fault(call, RuleSwitch(self._front, rule)))

    def _door(self, call: str, rule: Rule, seen: bool) -> Fault:
        return self._add(Fault(call, DoorSwitch(self._front, rule), must_fire=seen))

    def _add(self, fault: Fault) -> Fault:
        self._made.append(fault)
        return fault
