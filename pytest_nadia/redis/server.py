"""fakeredis behind a TCP port, with one thread for everything, as in Redis itself.

fakeredis' own TcpFakeServer keeps a thread for each connection and polls: it is slow on
pipelines, takes half a second to stop, and a client that went away while blocked in BLPOP still
takes the next item. Here an event loop feeds fakeredis' asynchronous socket instead.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import redis
from fakeredis import FakeServer
from fakeredis._clients._tcp_server import encode_reply
from fakeredis._commands import command
from fakeredis._helpers import SimpleError
from fakeredis._socket import AsyncFakeSocket

from pytest_nadia.redis.info import ServerState, render_info, resident_bytes
from pytest_nadia.redis.requests import ProtocolError, Requests

HOST = "127.0.0.1"
VERSION = (7, 4)


class EmbeddedServer(FakeServer):
    """The data that all connections share."""

    def __init__(self) -> None:
        super().__init__(version=VERSION)
        self._started = time.monotonic()

    def state(self) -> ServerState:
        return ServerState(
            version=".".join(str(part) for part in (*VERSION, 0)),
            uptime_in_seconds=int(time.monotonic() - self._started),
            connected_clients=len(self.sockets),
            used_memory=resident_bytes(),
            databases={
                number: (len(db), sum(db[key].expireat is not None for key in db))
                for number, db in self.dbs.items()
            },
        )


class ClientSocket(AsyncFakeSocket):
    """One client's side of the server: it writes each reply where fakeredis would queue it."""

    def __init__(self, server: EmbeddedServer, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._requests = Requests()
        self._gone = False
        super().__init__(server, 0, client_class=redis.Redis, client_info=_addresses(transport))

    @command((), (bytes,))
    def info(self, *sections: bytes) -> bytes:
        state = cast("EmbeddedServer", self._server).state()
        return render_info(state, (name.decode(errors="replace") for name in sections))

    def feed(self, data: bytes) -> None:
        self._requests.feed(data)
        self._run_requests()

    def _run_requests(self) -> None:
        try:
            while not (self._paused or self._killed):
                if (fields := self._requests.take()) is None:
                    return
                self._run_request(fields)
        except ProtocolError as error:
            self.put_response(SimpleError(f"ERR Protocol error: {error}"))
            self._transport.close()

    def _run_request(self, fields: list[bytes]) -> None:
        try:
            self._process_command(fields)
        except Exception as error:
            text = " ".join(str(error).split())
            failure = f"ERR the embedded Redis failed: {type(error).__name__}: {text}"
            self.put_response(SimpleError(failure))

    def put_response(self, msg: Any) -> None:
        if not self._transport.is_closing():
            self._transport.write(encode_reply(msg, self._client_info.protocol_version))

    def kill(self) -> None:
        super().kill()
        # Later, because a client may kill itself and is still owed the reply.
        asyncio.get_running_loop().call_soon(self._transport.close)

    def leave(self) -> None:
        """The client is gone: a command that it is blocked in must end without an effect."""
        self._gone = True
        if not self._blocked:
            self.close()
            return
        self._unblock_reason = b"timeout"
        with self._server.lock:
            self._db.wake_all()

    def resume(self) -> None:
        self._paused = False
        if self._gone:
            self.close()
        else:
            self._run_requests()

    def _decode_error(self, error: SimpleError) -> Any:
        # fakeredis would make it redis-py's exception, whose text has lost the error's code.
        return error


def _addresses(transport: asyncio.Transport) -> dict[str, str]:
    here, there = (transport.get_extra_info(name) for name in ("sockname", "peername"))
    return {"laddr": "{}:{}".format(*here), "addr": "{}:{}".format(*there)}


class Connection(asyncio.Protocol):
    """Carries bytes from a TCP connection to its `ClientSocket`."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._socket = ClientSocket(self._server, self._transport)

    def data_received(self, data: bytes) -> None:
        self._socket.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket.leave()


async def start_server() -> tuple[asyncio.Server, str]:
    """Listen on a free port of the loopback interface; gives the server and its URL."""
    data = EmbeddedServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(data), HOST, 0)
    port = server.sockets[0].getsockname()[1]
    return server, f"redis://{HOST}:{port}/0"
