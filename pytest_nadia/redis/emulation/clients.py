"""CLIENT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._helpers import OK, SimpleError, SimpleString, casematch

from pytest_nadia.redis.emulation.authentication import check_name
from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.helptexts import help_lines
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.values import Verbatim

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPES = {b"normal", b"master", b"replica", b"slave", b"pubsub"}
_NOT_TRACKING = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
    "OPTOUT mode enabled"
)


class ClientMixin(SocketBase):
    @command("client getname")
    def client_getname(self) -> bytes | None:
        name = str(self._client_info.get("name", ""))
        return name.encode("utf-8", "surrogateescape") or None

    @command("client setname", (bytes,))
    def client_setname(self, value: bytes) -> SimpleString:
        check_name(value)
        self._client_info["name"] = value.decode()
        return OK

    @command("client info")
    def client_info_cmd(self) -> Verbatim:
        return Verbatim(self._describe(self) + b"\n")

    @command("client list", (), (bytes,))
    def client_list_cmd(self, *options: bytes) -> Verbatim:
        chosen = _filter(options)
        lines = [self._describe(socket) for socket in self._server.sockets if chosen(socket)]
        return Verbatim(b"".join(line + b"\n" for line in lines))

    def _describe(self, socket: Any) -> bytes:
        fields = _fields(socket, int(self.state.clock.wall()))
        if self.state.version < (7, 2):
            del fields["lib-name"], fields["lib-ver"]
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        return text.encode("utf-8", "surrogateescape")

    @command("client tracking", (bytes,), (bytes,))
    def client_tracking(self, mode: bytes, *_options: bytes) -> SimpleString:
        if not (casematch(mode, b"on") or casematch(mode, b"off")):
            raise SimpleError("ERR syntax error")
        return OK

    @command("client trackinginfo")
    def client_trackinginfo(self) -> dict[bytes, Any]:
        return {b"flags": [b"off"], b"redirect": -1, b"prefixes": []}

    @command("client getredir")
    def client_getredir(self) -> int:
        return -1

    @command("client caching", (bytes,))
    def client_caching(self, mode: bytes) -> SimpleString:
        if not (casematch(mode, b"yes") or casematch(mode, b"no")):
            raise SimpleError("ERR syntax error")
        raise SimpleError(_NOT_TRACKING)

    @command("client help")
    def client_help(self) -> list[SimpleString]:
        return help_lines("client")


def _filter(options: tuple[bytes, ...]) -> Callable[[Any], bool]:
    if not options:
        return lambda _socket: True
    if len(options) == 2 and casematch(options[0], b"type"):
        return _of_type(options[1].lower())
    if len(options) >= 2 and casematch(options[0], b"id"):
        numbers = {Int.decode(text, "ERR Invalid client ID") for text in options[1:]}
        return lambda socket: socket._client_info["id"] in numbers
    raise SimpleError("ERR syntax error")


def _of_type(wanted: bytes) -> Callable[[Any], bool]:
    if wanted not in _TYPES:
        name = wanted.decode("utf-8", "surrogateescape")
        raise SimpleError(f"ERR Unknown client type '{name}'")
    return lambda socket: (b"pubsub" if socket._pubsub else b"normal") == wanted


def _fields(socket: Any, now: int) -> dict[str, object]:
    """What is told of one client, in Redis' order."""
    info = socket._client_info
    return {
        "id": info["id"],
        "addr": info.get("addr", ""),
        "laddr": info.get("laddr", ""),
        "fd": socket._fileno,
        "name": info.get("name", ""),
        **_state(socket, now),
        **_buffers(),
        "events": "r",
        "cmd": socket._last_command or "NULL",
        "user": info.get("user", "default"),
        "redir": -1,
        "resp": info["resp"],
        "lib-name": info.get("lib-name", ""),
        "lib-ver": info.get("lib-ver", ""),
    }


def _state(socket: Any, now: int) -> dict[str, object]:
    server, transaction = socket._server, socket._transaction
    created = int(socket._client_info.get("-created", now))
    return {
        "age": max(0, now - created),
        "idle": 0 if socket._last_command is None else max(0, now - int(socket._last_time)),
        "flags": _flags(socket),
        "db": socket._db_num,
        "sub": sum(socket in listeners for listeners in server.subscribers.values()),
        "psub": sum(socket in listeners for listeners in server.psubscribers.values()),
        "ssub": sum(socket in listeners for listeners in server.ssubscribers.values()),
        "multi": -1 if transaction is None else len(transaction),
    }


def _buffers() -> dict[str, object]:
    return {
        **dict.fromkeys(("qbuf", "qbuf-free", "argv-mem", "multi-mem"), 0),
        "rbs": 16384,
        "rbp": 16384,
        **dict.fromkeys(("obl", "oll", "omem"), 0),
        "tot-mem": 37658,
    }


def _flags(socket: Any) -> str:
    flags = {
        "P": bool(socket._pubsub),
        "x": socket._transaction is not None,
        "b": socket._blocked,
        "d": socket._watch_notified,
        "e": socket._no_evict,
        "T": socket._no_touch,
    }
    return "".join(letter for letter, is_set in flags.items() if is_set) or "N"
