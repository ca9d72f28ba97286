"""One client of the front: its commands go to the data, the replies come back, faults in between.

Replies come in the order of the commands, so each belongs to the oldest command that still waits;
only what a server sends on its own (messages of a subscription, invalidations) belongs to none.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pytest_nadia.redis.front.channel import Channel
from pytest_nadia.redis.front.data import encode
from pytest_nadia.redis.front.entry import Entry
from pytest_nadia.redis.front.replies import HEAD_BYTES, Replies
from pytest_nadia.redis.front.requests import ProtocolError, Requests
from pytest_nadia.redis.front.rules import is_servers_own

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pytest_nadia.redis.front.house import House
    from pytest_nadia.redis.front.rules import ActiveRule
    from pytest_nadia.redis.front.timers import Timer
    from pytest_nadia.redis.wire import Rule

# redis-py and valkey-py send a long pipeline in pieces: a piece ends after the command that makes
# it longer than this. The replies to what ends there wait a moment, so that the next piece is known
# to belong to the same round trip; those to a single long command wait less.
_PIECE_BYTES = 6000
_PIECE_SECONDS = 0.02
_SINGLE_SECONDS = 0.0005
# Of replies that wait for the rest of their round trip.
_MUCH = 1 << 20
_ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
_REFUSED_EXEC = b"-EXECABORT Transaction discarded because of: "
_RUN_IN_TRANSACTIONS = frozenset(("MULTI", "EXEC", "DISCARD", "WATCH", "RESET", "QUIT"))
_SUBSCRIPTIONS = frozenset(
    f"{prefix}{verb}" for prefix in ("", "P", "S") for verb in ("SUBSCRIBE", "UNSUBSCRIBE")
)
_PUSH_STARTS = tuple(
    b"*%d\r\n$%d\r\n%s\r\n" % (count, len(kind), kind)
    for kind, count in (
        (b"message", 3),
        (b"pmessage", 4),
        (b"smessage", 3),
        *((name.lower().encode(), 3) for name in sorted(_SUBSCRIPTIONS)),
    )
)


class Session(Protocol):
    """The side of the data, for one client."""

    # Whether the next command must wait, because this one blocks.
    @property
    def busy(self) -> bool: ...

    # Whether it takes no more for now; `Client.on_session_drained` tells when it does.
    @property
    def is_full(self) -> bool: ...

    # Whether bytes may be handed over before they are cut into commands.
    @property
    def streams(self) -> bool: ...

    def send(self, fields: list[bytes], raw: bytes) -> None: ...

    def stream(self, data: bytes) -> None: ...

    # What the client sent is not the protocol: the data's side answers and hangs up.
    def refuse(self, error: ProtocolError, data: bytes) -> None: ...

    def end_of_input(self) -> None: ...

    def close(self) -> None: ...

    def listen(self, reading: bool) -> None: ...


class Client:
    """A connection to the front. `privileged` ones are spared faults, ledger and limits."""

    def __init__(self, house: House, sock: socket.socket, port: int, privileged: bool) -> None:
        self._house = house
        self.port = port
        self._privileged = privileged
        now = house.clock.now()
        self._visit = None if privileged else house.ledger.open(port, now)
        self.number = self._visit.number if self._visit else 0
        self.database = 0
        self._protocol = 2
        self._fresh = True
        self.used = False
        self._subscribed = False
        self._requests = Requests()
        self._replies = Replies()
        self._pending: deque[Entry] = deque()
        self._queued: list[Entry] | None = None
        # Known when a command comes; `_queued` only when MULTI has been answered.
        self._in_transaction = False
        self._transaction_spoilt = False
        self._fault_of_exec: Rule | None = None
        self._spoilt = 0
        self._trip = 0
        self._taken = 0
        self._gathered = 0
        self._continues = False
        self._parts: list[bytes] = []
        self._forwarded = 0
        self._silence = 0
        self._silent = False
        self._mute = False
        self._opaque = False
        self._left = False
        self._timer: Timer | None = None
        self._trip_delayed = False
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._flushed_part = False
        self._piece: Timer | None = None
        self._sent_under_drop = 0
        self._channel = Channel(house.loop, sock, self._on_data, self._on_end, self._on_drained)
        self._session = house.open_session(self, self._channel.addresses)

    # What the client sends

    def _on_data(self, data: bytes) -> None:
        self._house.activity += 1
        if self._house.is_emptying:
            self._house.put_off(partial(self._accept, data))
        else:
            self._accept(data)

    def _accept(self, data: bytes) -> None:
        if self._channel.closed:
            return
        if self._opaque:
            self._session.stream(data)
        elif self._may_stream():
            self._session.stream(data)
            self._begin_trip()
            self._requests.feed(data)
            self._note_streamed()
        else:
            self._begin_trip()
            self._requests.feed(data)
            self.proceed()
        self._await_piece()
        self.flush()
        self._continues = self._requests.is_inside
        if self._session.is_full:
            self._channel.listen(False)

    def on_session_drained(self) -> None:
        """The data's side takes bytes again."""
        self._channel.listen(True)

    def _may_stream(self) -> bool:
        guarded = self._house.guards() and not self._privileged
        if not self._session.streams or guarded or self._timer or self._transaction_spoilt:
            return False
        return (self._privileged or not self._house.rules) and (
            self._requests.waiting == 0 or self._forwarded > 0
        )

    def _note_streamed(self) -> None:
        try:
            while (fields := self._requests.take()) is not None:
                if fields:
                    self._expect(self._entry(fields))
        except ProtocolError:
            self._opaque = True
        self._forwarded = self._requests.waiting

    def proceed(self) -> None:
        """Take the commands that wait, as far as faults and the data's side let them pass."""
        if self._opaque:
            return
        try:
            while self._is_open_to_commands():
                if (fields := self._requests.take()) is None:
                    return
                raw = self._requests.raw()[self._forwarded :] if self._session.streams else b""
                self._forwarded = 0
                if fields:
                    self._begin_trip()
                    self._admit(self._entry(fields), fields, raw)
                    self._flush_much()
                elif raw:
                    self._session.stream(raw)
        except ProtocolError as error:
            self._opaque = True
            self._session.refuse(error, self._requests.rest()[self._forwarded :])

    def _is_open_to_commands(self) -> bool:
        if self._timer or self._session.busy or self._channel.closed or self._channel.is_full:
            return False
        if self._privileged or not self._house.rules or not self._requests.waiting:
            return True
        return not (self._house.withhold() or self._delay_trip())

    def _entry(self, fields: list[bytes]) -> Entry:
        self._gather(self._requests.size)
        now = self._house.clock.now()
        entry = Entry(fields, self._requests.size, self.number, self.database, now)
        self._fresh = self._fresh and entry.opens_a_connection
        entry.handshake = self._fresh
        self.used = self.used or not self._fresh
        self._house.note(entry)
        if not self._privileged:
            entry.trip = self._trip
            self._house.ledger.add(entry)
        return entry

    def _begin_trip(self) -> None:
        if self._pending or self._out or self._flushed_part or self._continues:
            return
        self._trip_delayed = False
        self._taken = self._gathered = 0
        if not self._privileged:
            self._house.ledger.trips += 1
            self._trip = self._house.ledger.trips

    def _admit(self, entry: Entry, fields: list[bytes], raw: bytes) -> None:
        rules = self._house.rules
        if self._privileged or not (rules or self._transaction_spoilt or self._house.guards()):
            self._forward(entry, fields, raw)
            return
        rules.see(entry)
        latency = rules.hit(entry, "latency") if self._has_named_latency() else None
        if latency:
            self._delay(latency.seconds, lambda: self._pass(entry, fields, raw))
        else:
            self._pass(entry, fields, raw)

    def _pass(self, entry: Entry, fields: list[bytes], raw: bytes) -> None:
        """Let one command meet its faults and the limits of a leased database."""
        rules = self._house.rules
        fault = rules.hit(entry, "error", "lose_reply", "cut_reply", "info") if rules else None
        if fault and fault.action == "error":
            self._inject(entry, fault)
            return
        entry.fault = self._at_exec(entry, fault)
        if entry.name == "EXEC" and self._transaction_spoilt:
            entry.canned, entry.outcome = _ABORTED, "rejected"
            self._discard(entry)
            return
        limit = self._house.limit(entry.name, fields)
        if isinstance(limit, bytes):
            entry.canned, entry.outcome = limit, "rejected"
            self._transaction_spoilt = self._in_transaction
            self._answer(entry)
        elif limit is not None:
            self._forward(entry, list(limit.fields), encode(limit.fields))
        else:
            self._forward(entry, fields, raw)

    def _at_exec(self, entry: Entry, fault: Rule | None) -> Rule | None:
        """A reply that is lost in a transaction is EXEC's, which applies the command."""
        if not self._in_transaction:
            return fault
        if entry.name in {"EXEC", "DISCARD"}:
            kept, self._fault_of_exec = self._fault_of_exec, None
            return fault or (kept if entry.name == "EXEC" else None)
        if fault and fault.action in {"lose_reply", "cut_reply"}:
            self._fault_of_exec = fault
            return None
        return fault

    def _inject(self, entry: Entry, fault: Rule) -> None:
        entry.canned, entry.outcome = b"-" + fault.text.encode() + b"\r\n", "injected"
        if self._in_transaction and entry.name == "EXEC":
            if is_servers_own(fault.text):
                entry.canned = _REFUSED_EXEC + fault.text.encode() + b"\r\n"
            self._discard(entry)
        else:
            self._transaction_spoilt = self._in_transaction
            self._answer(entry)

    def _discard(self, entry: Entry) -> None:
        """Answer EXEC ourselves; the transaction ends for the data's side too."""
        self._forward(entry, [b"DISCARD"], b"*1\r\n$7\r\nDISCARD\r\n")

    def _answer(self, entry: Entry) -> None:
        """Reply ourselves, once the commands before it have been answered."""
        entry.fields = list(entry.fields)
        entry.pushes = -1
        self._pending.append(entry)
        self._spoilt += 1
        self._answer_canned()

    def _forward(self, entry: Entry, fields: list[bytes], raw: bytes) -> None:
        self._expect(entry)
        self._session.send(fields, raw)

    def _expect(self, entry: Entry) -> None:
        """Wait for the reply, and follow what the command does to the connection."""
        if entry.name in _FOLLOWED:
            _FOLLOWED[entry.name](self, entry)
        if self._silent or self._silence:
            self._silence = max(0, self._silence - 1)
            entry.outcome = "ok"
            return
        if entry.fault or entry.canned:
            self._spoilt += 1
        self._pending.append(entry)

    # Latency and pieces

    def _has_named_latency(self) -> bool:
        rule = self._house.rules.first("latency")
        return bool(rule and rule.rule.on)

    def _delay_trip(self) -> bool:
        """Whether the next round trip must wait; the wait has begun then."""
        if self._trip_delayed or self._pending or self._out or not self._house.rules:
            return False
        active = self._house.rules.first("latency")
        if active is None or active.rule.on:
            return False
        active.fired += 1
        self._delay(active.rule.seconds, self._trip_may_go)
        return True

    def _trip_may_go(self) -> None:
        self._trip_delayed = True

    def _delay(self, seconds: float, then: Callable[[], None]) -> None:
        def due() -> None:
            self._timer = None
            if not self._channel.closed:
                then()
                self.proceed()
                self.flush()

        self._timer = self._house.loop.call_later(seconds, due)

    def _gather(self, size: int) -> None:
        """Note where the client, if it is one of those that send pieces, ends one."""
        self._taken += 1
        self._gathered = 0 if self._gathered > _PIECE_BYTES else self._gathered
        self._gathered += size

    def _await_piece(self) -> None:
        self._end_piece()
        if self._gathered > _PIECE_BYTES and not (self._privileged or self._requests.waiting):
            seconds = _PIECE_SECONDS if self._taken > 1 else _SINGLE_SECONDS
            self._piece = self._house.loop.call_really_later(seconds, self._end_of_pieces)

    def _end_of_pieces(self) -> None:
        self._piece = None
        self.flush()

    # What the data's side sends

    def on_stream(self, data: bytes) -> None:
        """The next bytes of a server's replies."""
        if self._opaque:
            self._write(data)
        elif not (self._spoilt or self._parts or self._mute):
            self._write(data)
            # First, so that the client need not wait for our notes.
            self.flush()
            for _, head, size in self._replies.feed(data):
                self._settle(head, size)
        else:
            self._on_spoilt_stream(data)
        self.flush()

    def _on_spoilt_stream(self, data: bytes) -> None:
        start = 0
        inside = self._replies.inside and not self._parts
        for end, head, size in self._replies.feed(data):
            piece = data[start:end]
            start = end
            if inside:
                # Its beginning has been passed on, so the rest of it must be.
                inside = False
                self._write(piece)
                self._settle(head, size)
            else:
                whole = b"".join((*self._parts, piece))
                self._parts.clear()
                self.on_reply(whole)
        if start < len(data) and inside:
            self._write(data[start:])
        elif start < len(data):
            self._parts.append(data[start:])

    def on_reply(self, raw: bytes) -> None:
        """One whole reply or push."""
        if self._is_push(raw):
            self._count_push(raw)
            self._write(raw)
            return
        entry = self._settle(raw[:HEAD_BYTES], len(raw), later=True)
        if entry is None or not (entry.fault or entry.canned):
            self._write(raw)
        elif entry.canned:
            self._write(entry.canned)
        else:
            self._spoil(entry, entry.fault, raw)
        self._answer_canned()

    def _settle(self, head: bytes, size: int, later: bool = False) -> Entry | None:
        """Give a reply to the command that it belongs to, if it belongs to one."""
        if not later and self._is_push(head):
            self._count_push(head)
            return None
        while self._pending and self._is_confirmed(self._pending[0]):
            self._finish(self._pending.popleft(), b"", 0)
        if not self._pending:
            return None
        entry = self._pending.popleft()
        if entry.fault or entry.canned:
            self._spoilt -= 1
        self._finish(entry, head, size)
        return entry

    def _is_confirmed(self, entry: Entry) -> bool:
        """Whether it is a subscription that pushes have answered."""
        return entry.pushes == 0 and entry.name in _SUBSCRIPTIONS

    def _finish(self, entry: Entry, head: bytes, size: int) -> None:
        entry.seconds = self._house.clock.now() - entry.arrived
        entry.reply, entry.reply_bytes = head, size
        if self._queued is not None and entry.name not in _RUN_IN_TRANSACTIONS:
            self._queue(self._queued, entry)
        elif entry.name in _SETTLED:
            _SETTLED[entry.name](self, entry)

    def _queue(self, queued: list[Entry], entry: Entry) -> None:
        if entry.reply.startswith(b"+QUEUED"):
            queued.append(entry)
        else:
            # No error can come from running it.
            entry.outcome = entry.outcome or "rejected"

    def _is_push(self, head: bytes) -> bool:
        if head[:1] == b">":
            return True
        if not self._pending:
            return True
        return self._subscribed and self._protocol == 2 and head.startswith(_PUSH_STARTS)

    def _count_push(self, head: bytes) -> None:
        """A confirmation: the oldest subscription has one less to wait for."""
        if b"subscribe\r\n" not in head[:40]:
            return
        entry = next((one for one in self._pending if one.pushes > 0), None)
        if entry is not None:
            entry.pushes -= 1
            if not entry.pushes and entry is self._pending[0]:
                self._finish(self._pending.popleft(), head, len(head))
                self._answer_canned()

    def _answer_canned(self) -> None:
        while self._pending and self._pending[0].pushes == -1:
            entry = self._pending.popleft()
            self._spoilt -= 1
            canned = entry.canned or b""
            self._finish(entry, canned, len(canned))
            self._write(canned)

    def _spoil(self, entry: Entry, fault: Rule | None, raw: bytes) -> None:
        if fault is None:
            return
        if fault.action == "info":
            self._write(self._house.with_fields(raw, fault.fields))
        elif fault.action == "cut_reply":
            entry.outcome = "lost"
            self._write(raw[: max(1, len(raw) // 2)])
            self._hang_up()
        elif fault.hang:
            entry.outcome = "lost"
            self.flush()
            self._mute = True
        else:
            entry.outcome = "lost"
            self._hang_up()

    # Out

    def _write(self, data: bytes) -> None:
        self._out.append(data)
        self._out_bytes += len(data)

    def flush(self) -> None:
        """Send what has been answered, unless more of the same round trip is on its way."""
        if self._piece:
            return
        self._flushed_part = False
        if self._out:
            self._send_out()

    def _flush_much(self) -> None:
        """Send what has been answered of a round trip, if that is too much to keep."""
        if self._out_bytes > _MUCH:
            self._flushed_part = True
            self._send_out()

    def _send_out(self) -> None:
        self._house.activity += 1
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        self._out_bytes = 0
        if self._mute:
            return
        rules = self._house.rules
        drop = rules.first("drop_after") if rules and not self._privileged else None
        if drop:
            self._write_under(drop, data)
        else:
            self._channel.write(data)
        if self._channel.is_full:
            self._session.listen(False)

    def _write_under(self, drop: ActiveRule, data: bytes) -> None:
        left = drop.rule.size - self._sent_under_drop
        self._sent_under_drop += len(data)
        self._channel.write(data[:left])
        if len(data) >= left:
            drop.fired += 1
            self.leave(finish=True)

    def _on_drained(self) -> None:
        self._session.listen(True)
        self.proceed()
        self.flush()

    def flush_soon(self) -> None:
        self._house.loop.call_soon(self.flush)

    def forget_drop(self) -> None:
        self._sent_under_drop = 0

    @property
    def is_owed(self) -> bool:
        """Whether an answer is on its way: no fault withholds it, and no key is waited for."""
        if self._out or self._piece:
            return True
        if self._mute or not self._session.streams:
            return False
        return any(not self._is_confirmed(entry) for entry in self._pending)

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes that came from the client, and that went to it."""
        return self._channel.received, self._channel.sent

    @property
    def muted(self) -> bool:
        return self._mute

    # The end

    def _hang_up(self) -> None:
        self._end_piece()
        self.flush()
        self.leave(finish=True)

    def _end_piece(self) -> None:
        if self._piece:
            self._piece.cancel()
            self._piece = None

    def _on_end(self) -> None:
        """The client sends nothing more: what it asked for is still done."""
        if self._house.is_emptying:
            self._house.put_off(self._on_end)
            return
        if self._left:
            self._channel.close()
            return
        self._end_piece()
        self.flush()
        if self._timer:
            self.leave()
            return
        if not self._pending:
            self._end_visit()
        self._session.end_of_input()

    def on_session_end(self) -> None:
        """The data's side hung up."""
        self._hang_up()

    def leave(self, finish: bool = False) -> None:
        """Close both sides; `finish` sends what is on its way first."""
        self._left = True
        if self._timer:
            self._timer.cancel()
        self._end_piece()
        self._session.close()
        if finish:
            self._channel.finish()
        else:
            self._channel.close()
        self._end_visit()
        for entry in self._queued or ():
            entry.outcome = "discarded"
        self._queued = None
        self._house.forget(self)

    def _end_visit(self) -> None:
        if self._visit and not self._visit.closed:
            self._visit.closed = self._house.clock.now()

    # What commands do to the connection

    def follow_select(self, entry: Entry) -> None:
        number = entry.fields[1] if len(entry.fields) > 1 else b""
        if number.isdigit():
            self.database = int(number)

    def settle_select(self, entry: Entry) -> None:
        if entry.reply[:1] != b"-":
            return
        for later in self._pending:
            later.database = entry.database
            if later.name in {"SELECT", "RESET"}:
                return
        self.database = entry.database

    def settle_hello(self, entry: Entry) -> None:
        if entry.reply[:1] != b"-" and len(entry.fields) > 1:
            self._protocol = 3 if entry.fields[1] == b"3" else 2

    def follow_subscribe(self, entry: Entry) -> None:
        self._subscribed = True
        entry.pushes = max(1, len(entry.fields) - 1)

    def follow_reply(self, entry: Entry) -> None:
        mode = entry.fields[2].upper() if len(entry.fields) == 3 else b""
        if mode == b"ON":
            self._silent, self._silence = False, 0
        elif mode == b"OFF":
            self._silent = True
        elif mode == b"SKIP" and not self._silent:
            self._silence = 2

    def follow_multi(self, _entry: Entry) -> None:
        self._in_transaction = True

    def follow_end_of_transaction(self, _entry: Entry) -> None:
        self._in_transaction = self._transaction_spoilt = False

    def follow_reset(self, entry: Entry) -> None:
        self.follow_end_of_transaction(entry)
        self.database = 0

    def settle_multi(self, entry: Entry) -> None:
        if entry.reply[:1] == b"+":
            self._queued = []

    def settle_exec(self, entry: Entry) -> None:
        done = entry.reply[:1] in b"*~%" and not entry.reply.startswith(b"*-1")
        for one in self._queued or ():
            one.outcome = "ok" if done and entry.name == "EXEC" else "discarded"
        self._queued = None

    def settle_reset(self, entry: Entry) -> None:
        self.settle_exec(entry)
        self._protocol = 2
        self._subscribed = any(one.pushes > 0 for one in self._pending)

    def settle_name(self, entry: Entry) -> None:
        if self._visit and len(entry.fields) > 2 and entry.reply[:1] == b"+":
            self._visit.name = entry.fields[2].decode(errors="replace")


_FOLLOWED: dict[str, Callable[[Client, Entry], None]] = {
    "SELECT": Client.follow_select,
    "CLIENT REPLY": Client.follow_reply,
    "MULTI": Client.follow_multi,
    "RESET": Client.follow_reset,
    **dict.fromkeys(("EXEC", "DISCARD"), Client.follow_end_of_transaction),
    **dict.fromkeys(_SUBSCRIPTIONS, Client.follow_subscribe),
}
_SETTLED: dict[str, Callable[[Client, Entry], None]] = {
    "SELECT": Client.settle_select,
    "HELLO": Client.settle_hello,
    "MULTI": Client.settle_multi,
    "EXEC": Client.settle_exec,
    "DISCARD": Client.settle_exec,
    "RESET": Client.settle_reset,
    "CLIENT SETNAME": Client.settle_name,
}
