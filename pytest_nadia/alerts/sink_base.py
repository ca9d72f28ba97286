"""What all sinks have in common."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pytest_nadia.alerts.sink_demands import Demand, Demands, as_called, checked_seconds
from pytest_nadia.alerts.sink_inbox import Received, SinkError, now
from pytest_nadia.alerts.sink_listener import Listener
from pytest_nadia.alerts.sink_watch import WATCH

if TYPE_CHECKING:
    import socket

    from pytest_nadia.alerts.payloads.verdict import Problem
    from pytest_nadia.alerts.sink_inbox import Inbox
    from pytest_nadia.alerts.sink_time import SinkTime

_MOST_SECONDS = 5.0


class Sink(ABC):
    """One endpoint. Its demands are met in the order in which they are made.

    Each of them is done to the next `times` messages, or to all if `times` is left out, until
    `lift()` or the end of a `with` block; one that nothing meets makes the test fail.
    """

    def __init__(self, channel: str, inbox: Inbox, time: SinkTime, port: int) -> None:
        self._channel = channel
        self._inbox = inbox
        self._time = time
        self._demands = Demands()
        self._threads: list[threading.Thread] = []
        self._listener = Listener(channel, port, self._serve, time.at_work)
        time.addresses.add(self._listener.address)
        time.ask(lambda: self._listener.is_asked)

    def open(self) -> None:
        """Accept connections from now on."""
        self._listener.open()

    @property
    def host(self) -> str:
        return self._listener.address[0]

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def received(self) -> list[Received]:
        """What came here, in order."""
        return self._inbox.all(self._channel)

    def wait_for(self, number: int, timeout: float = 5.0) -> list[Received]:
        """Wait until so many came here. Raises AlertSinkError after `timeout` real seconds."""
        return self._inbox.wait_for(number, timeout, self._channel)

    def delay(self, seconds: float, times: int | None = None) -> Demand:
        """Answer so much later: of virtual time for who waits in it, else of real time."""
        checked = checked_seconds("delay", seconds)
        demand = self._demand("delay", seconds, times=times)
        demand.seconds = checked
        return self._demands.add(demand)

    def hang(self, times: int | None = None) -> Demand:
        """Take the message and never answer; the connection is closed when this is lifted."""
        return self._demands.add(self._demand("hang", times=times))

    def drop(self, times: int | None = None) -> Demand:
        """Take the message and close the connection without an answer."""
        return self._demands.add(self._demand("drop", times=times))

    def refuse(self, *, seen: bool = True) -> Demand:
        """Refuse connections, as if nobody listened there, until lifted.

        Met by connections of this process's Python code; those of others are seen by nobody, and
        for them `seen=False` lets it go unmet.
        """
        call = as_called(self._channel, "refuse", seen=None if seen else False)
        demand = self._demands.add(Demand(call, "refuse", "connection", None))
        demand.must_be_met = seen
        self._listener.refuse()
        WATCH.start(self._listener.address, demand.meet)
        demand.when_lifted(self._listen)
        return demand

    def expect_invalid(self, times: int | None = None) -> Demand:
        """The next messages may have problems; they are answered as the service would."""
        call = as_called(self._channel, "expect_invalid", times=times)
        return self._demands.add(Demand(call, "expect", "invalid", times))

    def problems(self) -> list[str]:
        """What went wrong here, one line each: bad messages nobody expected, unmet demands."""
        bad = [one for one in self.received if one.problems and not one.expected]
        found = [f"{self._channel} got a bad message: {'; '.join(one.problems)}" for one in bad]
        return found + self._demands.unmet()

    def close(self) -> None:
        """Ends its threads. Raises SinkError if one does not end."""
        self._demands.lift_all()
        self._listener.close()
        self._hang_up()
        for thread in self._threads:
            thread.join(_MOST_SECONDS)
        if left := [thread.name for thread in self._threads if thread.is_alive()]:
            raise SinkError(f"threads of the sinks did not end: {', '.join(left)}")

    def _demand(self, kind: str, *arguments: Any, stage: str = "message", **named: Any) -> Demand:
        """One that is not in force yet: it is given its details before."""
        call = as_called(self._channel, kind, *arguments, **named)
        return Demand(call, kind, stage, named.get("times"))

    def _record(
        self,
        text: str,
        raw: bytes,
        payload: object,
        problems: list[Problem],
        status: int | None,
        delivered: bool,
        recipients: tuple[str, ...] = (),
    ) -> None:
        expected = not problems or self._demands.take("invalid") is not None
        lines = tuple(one.text for one in problems)
        self._inbox.add(
            Received(
                channel=self._channel,
                at=now(),
                text=text,
                raw=raw,
                payload=payload,
                problems=lines,
                status=status,
                delivered=delivered,
                recipients=recipients,
                expected=expected,
            )
        )

    def _listen(self) -> None:
        WATCH.stop(self._listener.address)
        self.open()

    def _start(self, thread: threading.Thread) -> None:
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    @abstractmethod
    def _serve(self, connection: socket.socket) -> None:
        """Answer on a connection that was accepted; returns at once."""

    @abstractmethod
    def _hang_up(self) -> None:
        """Close what is open."""
