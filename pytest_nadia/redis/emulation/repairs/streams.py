"""Commands on streams that fakeredis lacks or answers otherwise than a real server."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int
from fakeredis._commands import Key
from fakeredis._helpers import OK, SimpleError, casematch
from fakeredis.model import StreamEntryKey, StreamRangeTest, XStream

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.values import NULL_ARRAY

if TYPE_CHECKING:
    from fakeredis._core import CommandItem
    from fakeredis._helpers import SimpleString

_SMALLER = "ERR The ID specified in XSETID is smaller than"
_LAST_ID = b"18446744073709551615-18446744073709551615"
_CLAIM_COUNT = "ERR COUNT must be > 0"
_NEWER_FIELDS = frozenset(
    {b"idmp-duration", b"idmp-maxsize", b"pids-tracked", b"iids-tracked", b"iids-added"}
    | {b"iids-duplicates"}
)
_ORDER = (
    *(b"length", b"radix-tree-keys", b"radix-tree-nodes", b"last-generated-id"),
    *(b"max-deleted-entry-id", b"entries-added", b"recorded-first-entry-id"),
    *(b"groups", b"first-entry", b"last-entry", b"entries"),
)


class StreamMixin(SocketBase):
    @command("xsetid", (Key(XStream), bytes), (bytes,), msgs.FLAG_DO_NOT_CREATE)
    def xsetid(self, key: CommandItem, text: bytes, *options: bytes) -> SimpleString:
        last = StreamEntryKey.parse_str(text)
        added, deleted = _xsetid_options(options)
        if deleted is not None and last < deleted:
            raise SimpleError(f"{_SMALLER} the provided max_deleted_entry_id")
        stream = key.value
        if stream is None:
            raise SimpleError(msgs.NO_KEY_MSG)
        if stream._ids and last < stream._ids[-1]:
            raise SimpleError(f"{_SMALLER} the target stream top item")
        if added is not None and added < len(stream):
            text_of_error = "specified in XSETID is smaller than the target stream length"
            raise SimpleError(f"ERR The entries_added {text_of_error}")
        stream._last_id = last
        if added is not None:
            stream._entries_added = added
        if deleted is not None and deleted != StreamEntryKey(0, 0):
            stream._max_deleted_id = deleted
        key.updated()
        return OK

    @command("xdel", (Key(XStream), bytes), (bytes,), msgs.FLAG_DO_NOT_CREATE)
    def xdel(self, key: CommandItem, *ids: bytes) -> int:
        if key.value is None:
            return 0
        entries = [StreamEntryKey.parse_str(text) for text in ids]
        deleted = int(key.value.delete([entry.encode() for entry in entries]))
        if deleted:
            self._note_change(key.key)
        return deleted

    @command("xack", (Key(XStream), bytes, bytes), (bytes,), msgs.FLAG_DO_NOT_CREATE)
    def xack(self, key: CommandItem, name: bytes, *ids: bytes) -> int:
        group = key.value.group_get(name) if key.value is not None else None
        if group is None:
            return 0
        for text in ids:
            StreamEntryKey.parse_str(text)
        return int(group.ack(ids))

    @command("xautoclaim", (Key(XStream), bytes, bytes, bytes, bytes), (bytes,), "i")
    def xautoclaim(
        self,
        key: CommandItem,
        group: bytes,
        consumer: bytes,
        idle: bytes,
        start: bytes,
        *rest: bytes,
    ) -> Any:
        text = "ERR Invalid min-idle-time argument for XAUTOCLAIM"
        minimum = max(0, Int.decode(idle, text))
        if start not in {b"-", b"+"}:
            StreamEntryKey.parse_str(start.removeprefix(b"("))
        for word, value in pairwise(rest):
            if casematch(word, b"count") and not 0 < Int.decode(value, _CLAIM_COUNT) < 2**59:
                raise SimpleError(_CLAIM_COUNT)
        start = {b"-": b"0-0", b"+": _LAST_ID}.get(start, start)
        return super().xautoclaim(key, group, consumer, minimum, start, *rest)

    @command("xpending", (Key(XStream), bytes), (bytes,), "i")
    def xpending(self, key: CommandItem, group: bytes, *rest: bytes) -> Any:
        described = rest[2:] if rest and casematch(rest[0], b"idle") else rest
        if len(described) >= 3:
            Int.decode(described[2])
            StreamRangeTest.decode(described[0])
            StreamRangeTest.decode(described[1])
        found = super().xpending(key, group, *rest)
        if not rest and isinstance(found, list) and found[0] == 0:
            found[3] = NULL_ARRAY
        return found

    @command("xinfo stream", (Key(XStream),), (bytes,), msgs.FLAG_DO_NOT_CREATE)
    def xinfo_stream(self, key: CommandItem, *options: bytes) -> Any:
        full = bool(options) and casematch(options[0], b"full")
        if options and not full:
            raise SimpleError("ERR syntax error")
        if key.value is None:
            raise SimpleError(msgs.NO_KEY_MSG)
        flat = key.value.stream_info(full, self._trim_aware_lag)
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        if self.state.version < (8, 6):
            fields = {name: value for name, value in fields.items() if name not in _NEWER_FIELDS}
        return {name: fields[name] for name in (*_ORDER, *fields) if name in fields}


def _xsetid_options(options: tuple[bytes, ...]) -> tuple[int | None, StreamEntryKey | None]:
    added: int | None = None
    deleted: StreamEntryKey | None = None
    at = 0
    while at < len(options):
        if at + 1 == len(options):
            raise SimpleError("ERR syntax error")
        word, value = options[at], options[at + 1]
        if casematch(word, b"entriesadded"):
            added = Int.decode(value)
            if added < 0:
                raise SimpleError("ERR entries_added must be positive")
        elif casematch(word, b"maxdeletedid"):
            deleted = StreamEntryKey.parse_str(value)
        else:
            raise SimpleError("ERR syntax error")
        at += 2
    return added, deleted
