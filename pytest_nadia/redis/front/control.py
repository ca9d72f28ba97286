"""The socket over which the tests give orders, each answered in turn."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import msgspec

from pytest_nadia.redis.front.channel import Channel
from pytest_nadia.redis.wire import Answer, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.front.house import House

_LENGTH = struct.Struct(">I")
_decoder = msgspec.msgpack.Decoder(Order)
_encoder = msgspec.msgpack.Encoder()


class Control:
    """One connection; a message is its length in four bytes, then MessagePack."""

    def __init__(self, house: House, sock: socket.socket) -> None:
        self._house = house
        self._data = bytearray()
        self._activity = 0
        # Who gives an order and then sends a command finds the order carried out.
        self._channel = Channel(house.loop, sock, self._on_data, self._on_end, goes_first=True)

    def _on_data(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
            if len(self._data) < end:
                return
            message = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            self._obey(message)

    def _on_end(self) -> None:
        self._channel.close()

    def _obey(self, message: bytes) -> None:
        try:
            order = _decoder.decode(message)
            _ORDERS[order.do](self, order)
        except Exception as error:
            self._answer(Answer(error=f"{type(error).__name__}: {error}"))

    def _answer(self, answer: Answer) -> None:
        data = _encoder.encode(answer)
        self._channel.write(_LENGTH.pack(len(data)) + data)

    def _reset(self, _order: Order) -> None:
        self._house.reset(self._mark_or_error)

    def _mark_or_error(self, error: str) -> None:
        self._answer(Answer(error=error, number=self._house.ledger.next_number))

    def _mark(self, _order: Order) -> None:
        self._answer(Answer(number=self._house.ledger.next_number))

    def _records(self, order: Order) -> None:
        self._answer(Answer(records=self._house.ledger.records(order.number)))

    def _connections(self, _order: Order) -> None:
        # What was closed before the question is closed.
        self._after_one_more_look(self._tell_connections)

    def _after_one_more_look(self, call: Callable[[], None]) -> None:
        """Call when what has arrived at any socket is dealt with."""
        loop = self._house.loop
        loop.call_really_later(0, lambda: loop.call_soon(call))

    def _tell_connections(self) -> None:
        self._answer(Answer(connections=self._house.ledger.connections()))

    def _backstage(self, _order: Order) -> None:
        self._answer(Answer(counts=dict(self._house.ledger.backstage)))

    def _add(self, order: Order) -> None:
        if order.rule is not None:
            self._answer(Answer(number=self._house.add_rule(order.rule)))

    def _state(self, order: Order) -> None:
        self._answer(Answer(state=self._house.rules[order.number].state()))

    def _remove(self, order: Order) -> None:
        self._answer(Answer(state=self._house.remove_rule(order.number).state()))

    def _advance(self, order: Order) -> None:
        self._house.advance(order.seconds, lambda remark: self._answer(Answer(remark=remark)))

    def _hold(self, order: Order) -> None:
        self._house.loop.clock.hold(order.seconds)
        self._activity = self._house.activity
        self._answer(Answer())

    def _release(self, _order: Order) -> None:
        self._house.loop.rewind()
        self._answer(Answer())

    def _due(self, order: Order) -> None:
        self._after_one_more_look(lambda: self._tell_due(order.seconds))

    def _tell_due(self, seconds: float) -> None:
        """No time may pass before who asks has seen what was sent since the last time."""
        was, self._activity = self._activity, self._house.activity
        if was != self._activity or self._house.is_at_work:
            self._answer(Answer(seconds=-1))
        else:
            left = self._house.loop.until_due(None if seconds < 0 else seconds)
            self._answer(Answer(seconds=left, traffic=self._house.traffic()))


_ORDERS: dict[str, Callable[[Control, Order], None]] = {
    "reset": Control._reset,
    "mark": Control._mark,
    "records": Control._records,
    "connections": Control._connections,
    "add": Control._add,
    "state": Control._state,
    "remove": Control._remove,
    "advance": Control._advance,
    "backstage": Control._backstage,
    "hold": Control._hold,
    "release": Control._release,
    "due": Control._due,
}
