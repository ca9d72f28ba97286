"""fakeredis as the data behind the front: one thread for everything, as in Redis itself.

fakeredis' own TcpFakeServer keeps a thread for each connection and polls: it is slow on
pipelines, takes half a second to stop, and a client that went away while blocked in BLPOP still
takes the next item. Here the front's loop feeds fakeredis' sockets, and blocks nobody.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import redis
from fakeredis import FakeServer
from fakeredis._helpers import NoResponse, SimpleError
from fakeredis._socket import FakeSocket

from pytest_nadia.redis.emulation.emulation import Emulation
from pytest_nadia.redis.emulation.encoding import encode_reply
from pytest_nadia.redis.emulation.state import ServerState
from pytest_nadia.redis.emulation.values import NULL_ARRAY, PushReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.front.client import Client
    from pytest_nadia.redis.front.loop import Loop
    from pytest_nadia.redis.front.requests import ProtocolError
    from pytest_nadia.redis.front.timers import Timer

_order = count()


class EmbeddedServer(FakeServer):
    """The data that all clients share; `woken` are blocked clients that may go on."""

    def __init__(self, loop: Loop, version: tuple[int, ...]) -> None:
        super().__init__(version=version)
        self.loop = loop
        self.woken: list[Parked] = []
        self.emulation = ServerState(version, loop.clock)
        self.emulation.attach(self)

    def wake(self) -> None:
        """Let the blocked clients look again, those first that have waited longest."""
        while self.woken:
            woken, self.woken = sorted(self.woken, key=lambda one: one.place), []
            for parked in woken:
                parked.retry()

    def empty(self) -> None:
        with self.lock:
            for database in self.dbs.values():
                database.clear()
        self.script_cache.clear()
        self.emulation.reset()


class Parked:
    """A blocking command that waits for a key to change, or for its time to pass."""

    def __init__(
        self,
        session: EmbeddedSession,
        seconds: float | None,
        attempt: Callable[[bool], Any],
        shape: Callable[[Any], Any] | None,
    ) -> None:
        self._session, self._attempt, self._shape = session, attempt, shape
        self.place = next(_order)
        self._server, self._database = session._server, session._db
        self._database.add_change_callback(self._note_change)
        self._timer: Timer | None = None
        self._done = False
        if seconds:
            self._timer = self._server.loop.call_later(seconds, self._time_out)

    def _note_change(self) -> None:
        if self not in self._server.woken:
            self._server.woken.append(self)

    def retry(self) -> None:
        if self._done:
            return
        with self._server.lock:
            try:
                result = self._result()
            except SimpleError as error:
                result = error
        if result is not _STILL_BLOCKED:
            self._end(result)

    def _result(self) -> Any:
        if self._session._unblock_reason is not None:
            self._session._take_unblock_reason()
            return self._shaped(None)
        result = self._attempt(False)
        return _STILL_BLOCKED if result is None else self._shaped(result)

    def _shaped(self, result: Any) -> Any:
        return result if self._shape is None else self._shape(result)

    def _time_out(self) -> None:
        with self._server.lock:
            result = self._shaped(None)
        self._end(result)

    def _end(self, result: Any) -> None:
        session = self._session
        self.forget()
        session.answer(NULL_ARRAY if result is None else session.shaped(result))
        session.client.proceed()
        session.client.flush()

    def forget(self) -> None:
        """Wait no more, and change nothing."""
        self._done = True
        if self._timer:
            self._timer.cancel()
        self._database.remove_change_callback(self._note_change)
        self._session._blocked = False
        self._session._unblock_reason = None
        self._session.parked = None


_STILL_BLOCKED = object()


class _Own:
    """Marks the reply to a command, apart from what a server sends on its own."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class EmbeddedSession(Emulation, FakeSocket):
    """One client's side of the embedded server."""

    streams = False
    is_full = False
    _server: EmbeddedServer

    def __init__(self, server: EmbeddedServer, client: Client, addresses: dict[str, str]) -> None:
        self.client = client
        self.parked: Parked | None = None
        super().__init__(server, 0, client_class=redis.Redis, client_info=addresses)

    @property
    def busy(self) -> bool:
        return self.parked is not None or self._killed

    def send(self, fields: list[bytes], raw: bytes) -> None:
        server = self._server
        try:
            with server.lock:
                self._process_command(fields)
        except Exception as error:
            text = " ".join(str(error).split())
            failure = f"ERR the embedded Redis failed: {type(error).__name__}: {text}"
            self.answer(SimpleError(failure))
        server.wake()

    def stream(self, data: bytes) -> None:
        """Nothing to do: only commands reach the data."""

    def refuse(self, error: ProtocolError, data: bytes) -> None:
        self.answer(SimpleError(f"ERR Protocol error: {error}"))
        self.client.on_session_end()

    def end_of_input(self) -> None:
        self.client.leave(finish=True)

    def listen(self, reading: bool) -> None:
        """Nothing to do: replies come only when commands are taken."""

    def close(self) -> None:
        if self.parked:
            self.parked.forget()
        if self._server is not None:
            super().close()

    def kill(self) -> None:
        super().kill()
        # Later, because a client may kill itself and is still owed the reply.
        self._server.loop.call_soon(self.client.on_session_end)

    # What fakeredis calls

    def put_response(self, msg: Any) -> None:
        if isinstance(msg, _Own):
            self._reply(msg.value)
        elif isinstance(msg, SimpleError):
            self._reply(msg)
        else:
            self._push(msg)

    def _reply(self, value: Any) -> None:
        self.client.on_reply(encode_reply(value, self._client_info.protocol_version))

    def answer(self, result: Any) -> None:
        if not isinstance(result, NoResponse):
            self.put_response(_Own(result))

    def _push(self, message: list[Any]) -> None:
        self.client.on_reply(encode_reply(PushReply(message), self._client_info.protocol_version))
        self.client.flush_soon()

    def shaped(self, result: Any) -> Any:
        return self._shape(result)

    def _accept(self, fields: list[bytes]) -> Any:
        result = super()._accept(fields)
        return result if isinstance(result, NoResponse) else _Own(result)

    def _blocking(
        self,
        timeout: float | None,
        func: Callable[[bool], Any],
        shape: Callable[[Any], Any] | None = None,
    ) -> Any:
        result = func(True)
        if result is not None or self._in_transaction:
            return result if shape is None else shape(result)
        self._blocked = True
        self.parked = Parked(self, timeout, func, shape)
        return NoResponse()
