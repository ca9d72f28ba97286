"""Everything that the front holds: who is connected, what is wrong on purpose, what was said."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from pytest_nadia.redis.commands import may_write
from pytest_nadia.redis.front.client import Client
from pytest_nadia.redis.front.info import with_fields
from pytest_nadia.redis.front.ledger import Ledger
from pytest_nadia.redis.front.rules import ActiveRule, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_nadia.redis.backends.guard import Decision
    from pytest_nadia.redis.front.client import Session
    from pytest_nadia.redis.front.clock import Clock
    from pytest_nadia.redis.front.data import Data, Done
    from pytest_nadia.redis.front.entry import Entry
    from pytest_nadia.redis.front.listener import Listener
    from pytest_nadia.redis.front.loop import Loop
    from pytest_nadia.redis.front.timers import Timer
    from pytest_nadia.redis.wire import Rule

    Limit = Callable[[str, list[bytes]], Decision]

_SCRIPTING = ("EVAL", "EVALSHA", "SCRIPT LOAD", "FUNCTION", "FCALL")


class House:
    """`limit` is what a leased database forbids; `problem` why no test may start any more."""

    def __init__(self, loop: Loop, data: Data, limit: Limit | None = None) -> None:
        self.loop = loop
        self.clock: Clock = loop.clock
        self.ledger = Ledger()
        self.rules = Rules()
        self.listener: Listener | None = None
        self.problem = ""
        self._data = data
        self._limit = limit
        self._clients: set[Client] = set()
        self._flaps: dict[int, Timer] = {}
        self._written = True
        self._scripts = True
        self._parameters: set[bytes] = set()
        # Grows with all that comes and goes.
        self.activity = 0
        self._resets = 0
        self._put_off: list[Callable[[], None]] = []

    # Clients

    def welcome(self, sock: socket.socket, port: int) -> None:
        self.activity += 1
        self._clients.add(Client(self, sock, port, privileged=False))

    def welcome_privileged(self, sock: socket.socket, port: int) -> None:
        self._clients.add(Client(self, sock, port, privileged=True))

    def forget(self, client: Client) -> None:
        self._clients.discard(client)

    def open_session(self, client: Client, addresses: dict[str, str]) -> Session:
        return self._data.open_session(client, addresses)

    def note(self, entry: Entry) -> None:
        """Remember what a reset must undo, and count what no test sends."""
        if not entry.connection:
            self.ledger.backstage[entry.name] += 1
        self._written = self._written or may_write(entry.name)
        if entry.name.startswith(_SCRIPTING):
            self._scripts = True
        elif entry.name == "CONFIG SET":
            self._parameters.update(field.lower() for field in entry.fields[2::2])

    def guards(self) -> bool:
        return self._limit is not None

    def limit(self, name: str, fields: list[bytes]) -> Decision:
        return self._limit(name, fields) if self._limit else None

    def with_fields(self, reply: bytes, fields: Mapping[str, str]) -> bytes:
        return with_fields(reply, fields)

    @property
    def is_at_work(self) -> bool:
        """Whether somebody waits for what comes by itself."""
        return self.is_emptying or any(client.is_owed for client in self._clients)

    def traffic(self) -> dict[int, tuple[int, int]]:
        """By the port of each client the bytes that came from it and went to it."""
        return {one.port: one.traffic for one in self._clients if one.port}

    # Rules

    def add_rule(self, rule: Rule) -> int:
        active = self.rules.add(rule)
        if rule.action == "down":
            self._close_door(active)
        elif rule.action == "flap":
            self._flap_up(active)
        elif rule.action == "drop_after":
            for client in self._ordinary():
                client.forget_drop()
        return active.number

    def remove_rule(self, number: int) -> ActiveRule:
        active = self.rules.remove(number)
        if timer := self._flaps.pop(number, None):
            timer.cancel()
        if active.rule.action in {"down", "flap"}:
            self._open_door()
        if active.rule.hang:
            self._dismiss_muted()
        if active.rule.action == "hang":
            self._go_on()
        return active

    def withhold(self) -> bool:
        """Whether nothing is answered now; counts what is withheld."""
        hanging = self.rules.first("hang") if self.rules else None
        if hanging:
            hanging.fired += 1
        return hanging is not None

    def _close_door(self, active: ActiveRule) -> None:
        if self.listener:
            self.listener.close()
        for client in self._ordinary():
            # Somebody will miss a connection that this test has used; of others who knows.
            active.fired += client.used
            client.leave()

    def _open_door(self) -> None:
        if self.listener and not self.rules.first("down"):
            self.listener.open()

    def _flap_up(self, active: ActiveRule) -> None:
        self._open_door()
        self._flaps[active.number] = self.loop.call_later(
            active.rule.seconds, lambda: self._flap_down(active)
        )

    def _flap_down(self, active: ActiveRule) -> None:
        self._close_door(active)
        self._flaps[active.number] = self.loop.call_later(
            active.rule.down_seconds, lambda: self._flap_up(active)
        )

    def _dismiss_muted(self) -> None:
        for client in self._ordinary():
            if client.muted:
                client.leave()

    def _go_on(self) -> None:
        for client in self._ordinary():
            client.proceed()
            client.flush()

    def _ordinary(self) -> list[Client]:
        return [client for client in self._clients if client.number]

    # Between tests

    def reset(self, done: Done) -> None:
        for number in self.rules.numbers():
            self.remove_rule(number)
        self.loop.rewind()
        self.ledger.forget()
        for client in self._ordinary():
            client.used = False
        if self.problem:
            done(self.problem)
            return
        if not (self._written or self._scripts or self._parameters):
            done("")
            return
        self._resets += 1
        parameters, self._parameters = self._parameters, set()
        scripts, self._scripts, self._written = self._scripts, False, False

        def end(error: str) -> None:
            if error:
                # The next reset has it all to do again.
                self._written, self._scripts = True, self._scripts or scripts
                self._parameters |= parameters
            done(error)
            self._resets -= 1
            self._go_on_after_reset()

        self._data.reset(scripts, parameters, end)

    @property
    def is_emptying(self) -> bool:
        return self._resets > 0

    def put_off(self, call: Callable[[], None]) -> None:
        """Call when the server is empty."""
        self._put_off.append(call)

    def _go_on_after_reset(self) -> None:
        calls, self._put_off = self._put_off, []
        for call in calls:
            call()

    def advance(self, seconds: float, done: Done) -> None:
        self._data.advance(seconds, done)
