"""How many bytes of a connection this end has sent and got: what is under way is at neither end.

On a busy machine even the loopback network delivers late.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of `struct tcp_info` in <linux/tcp.h>: the state, and 64-bit counters of payload bytes.
_STATE, _RECEIVED, _SENT, _SENT_AGAIN = 0, 128, 200, 208
_ESTABLISHED, _OPENING = 1, 2
_TCP = (socket.AF_INET, socket.AF_INET6)
_LOOPBACK = ("127.0.0.1", "::1")
_COUNTER = struct.Struct("=Q")


class Connection(NamedTuple):
    """One end of a TCP connection that is open in both directions."""

    port: int
    peer: tuple[str, int]
    sent: int | None
    received: int

    def has_arrived(self, traffic: Mapping[int, tuple[int, int]]) -> bool:
        """Whether the other end got all that was sent, and the reverse; `traffic` is its view.

        It has the bytes received and sent, by the number of this end's port.
        """
        if self.sent is None:
            return True
        return traffic.get(self.port, (-1, -1)) == (self.sent, self.received)


def connection_of(number: int) -> Connection | None:
    """None if the file is no TCP connection, or if an end of it is closed."""
    with suppress(OSError), _socket_of(number) as sock:
        if sock.family not in _TCP:
            return None
        peer, port = sock.getpeername()[:2], sock.getsockname()[1]
        info = _info(sock)
        if info is None:
            return Connection(port, peer, None, 0)
        if info[_STATE] != _ESTABLISHED:
            return None
        sent, again, received = (
            int(_COUNTER.unpack_from(info, at)[0]) for at in (_SENT, _SENT_AGAIN, _RECEIVED)
        )
        return Connection(port, peer, sent - again, received)
    return None


def is_opening(number: int) -> bool:
    """Whether the file is a connection to this machine that the other end has not yet taken."""
    with suppress(OSError), _socket_of(number) as sock:
        info = _info(sock) if sock.family in _TCP else None
        return info is not None and info[_STATE] == _OPENING and sock.getsockname()[0] in _LOOPBACK
    return False


def _socket_of(number: int) -> socket.socket:
    return socket.socket(fileno=os.dup(number))


def _info(sock: socket.socket) -> bytes | None:
    """None where the operating system does not tell so much."""
    if sys.platform != "linux":
        return None
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return info if len(info) >= _SENT_AGAIN + _COUNTER.size else None
