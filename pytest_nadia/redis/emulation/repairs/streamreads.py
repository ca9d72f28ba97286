"""XREAD and XREADGROUP, with the checks and errors of a real server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fakeredis._command_args_parsing import Int
from fakeredis._helpers import SimpleError, casematch
from fakeredis.model import StreamEntryKey, XStream

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command
from pytest_nadia.redis.emulation.values import NULL_ARRAY, or_null_array

if TYPE_CHECKING:
    from fakeredis.model import StreamGroup

_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_ONLY_NEW = (
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> "
    "option."
)
_NO_DOLLAR = (
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
    "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would "
    "just return an empty result set."
)
_NO_GROUP_OPTION = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
_UNBALANCED = (
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
)


@dataclass(slots=True)
class ReadOptions:
    """What stands before the streams; `block` in milliseconds, None not to wait."""

    count: int | None = None
    block: int | None = None
    group: bytes | None = None
    consumer: bytes = b""
    noack: bool = False
    keys: tuple[bytes, ...] = ()
    ids: tuple[bytes, ...] = ()


def parse_read(arguments: tuple[bytes, ...], grouped: bool) -> ReadOptions:
    """Raises `SimpleError`."""
    options = ReadOptions()
    at = 0
    while at < len(arguments):
        word, rest = arguments[at], arguments[at + 1 :]
        if casematch(word, b"streams") and rest:
            _take_streams(options, rest)
            break
        at += 1 + _take_option(options, word, rest, grouped)
    if not options.keys:
        raise SimpleError("ERR syntax error")
    if grouped and options.group is None:
        raise SimpleError("ERR Missing GROUP option for XREADGROUP")
    return options


def _take_streams(options: ReadOptions, names: tuple[bytes, ...]) -> None:
    if len(names) % 2:
        raise SimpleError(_UNBALANCED)
    half = len(names) // 2
    options.keys, options.ids = names[:half], names[half:]


def _take_option(options: ReadOptions, word: bytes, rest: tuple[bytes, ...], grouped: bool) -> int:
    """Store one option; gives how many words belong to it."""
    if casematch(word, b"block") and rest:
        options.block = _milliseconds(rest[0])
        return 1
    if casematch(word, b"count") and rest:
        count = Int.decode(rest[0])
        options.count = count if count > 0 else None
        return 1
    if casematch(word, b"group") and len(rest) >= 2:
        if not grouped:
            raise SimpleError(_NO_GROUP_OPTION)
        options.group, options.consumer = rest[0], rest[1]
        return 2
    if casematch(word, b"noack") and grouped:
        options.noack = True
        return 0
    raise SimpleError("ERR syntax error")


def _milliseconds(text: bytes) -> int:
    number = Int.decode(text, "ERR timeout is not an integer or out of range")
    if number < 0:
        raise SimpleError("ERR timeout is negative")
    return number


class StreamReadMixin(SocketBase):
    @command("xread", (bytes, bytes, bytes), (bytes,))
    def xread(self, *arguments: bytes) -> Any:
        options = parse_read(arguments, grouped=False)
        pairs = zip(options.keys, options.ids, strict=True)
        starts = [(key, self._start_after(key, text)) for key, text in pairs]
        attempt = partial(self._read_after, starts, options.count)
        return self._perhaps_wait(options.block, attempt)

    @command("xreadgroup", (bytes, bytes, bytes, bytes, bytes, bytes), (bytes,))
    def xreadgroup(self, *arguments: bytes) -> Any:
        options = parse_read(arguments, grouped=True)
        for key, text in zip(options.keys, options.ids, strict=True):
            self._group_of(key, options.group or b"")
            if text == b"$":
                raise SimpleError(_NO_DOLLAR)
            if text != b">":
                StreamEntryKey.parse_str(text)
        wait = options.block if all(text == b">" for text in options.ids) else None
        return self._perhaps_wait(wait, partial(self._read_group, options))

    def _perhaps_wait(self, block: int | None, attempt: Any) -> Any:
        if block is None:
            reply = attempt(True)
            return NULL_ARRAY if reply is None else reply
        return self._blocking(block / 1000, attempt, or_null_array)

    def _start_after(self, key: bytes, text: bytes) -> StreamEntryKey:
        stream = self._stream_at(key)
        if text == b"$":
            return stream.last_id if stream is not None else StreamEntryKey(0, 0)
        if text == b">":
            raise SimpleError(_ONLY_NEW)
        return StreamEntryKey.parse_str(text)

    def _stream_at(self, key: bytes) -> XStream | None:
        item = self._db.get(key)
        if item is None:
            return None
        if not isinstance(item.value, XStream):
            raise SimpleError(_WRONG_TYPE)
        return item.value

    def _group_of(self, key: bytes, name: bytes) -> StreamGroup:
        stream = self._stream_at(key)
        group = stream.group_get(name) if stream is not None else None
        if group is None:
            known, wanted = (word.decode("utf-8", "surrogateescape") for word in (key, name))
            text = f"No such key '{known}' or consumer group '{wanted}'"
            raise SimpleError(f"NOGROUP {text} in XREADGROUP with GROUP option")
        return group

    def _read_after(
        self, starts: list[tuple[bytes, StreamEntryKey]], count: int | None, _first: bool
    ) -> Any:
        found: dict[bytes, Any] = {}
        for key, start in starts:
            item = self._db.get(key)
            if item is None or not isinstance(item.value, XStream):
                continue
            entries = item.value.stream_read(start, count)
            if entries:
                found[key] = [item.value.format_record(entry) for entry in entries]
        return self._streams_reply(found)

    def _read_group(self, options: ReadOptions, _first: bool) -> Any:
        found: dict[bytes, Any] = {}
        for key, text in zip(options.keys, options.ids, strict=True):
            group = self._group_of(key, options.group or b"")
            if text == b">" and group.last_delivered_key >= group.stream.last_id:
                continue
            entries = group.group_read(options.consumer, text, options.count, options.noack)
            if entries or text != b">":
                found[key] = [[name, or_null_array(fields)] for name, fields in entries]
                self._note_change(key)
        return self._streams_reply(found)

    def _streams_reply(self, found: dict[bytes, Any]) -> Any:
        if not found:
            return None
        if self._resp_version == 3:
            return found
        return [[key, entries] for key, entries in found.items()]
