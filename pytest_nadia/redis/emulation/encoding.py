"""Replies as the bytes of RESP2 and RESP3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._helpers import SimpleError, SimpleString

from pytest_nadia.redis.emulation.values import Double, NullArray, PushReply, SetReply, Verbatim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def encode_reply(value: Any, protocol: int) -> bytes:
    """One reply for a client that speaks `protocol` (2 or 3). Raises `TypeError` if it is none."""
    if type(value) is bytes:
        return b"$%d\r\n%b\r\n" % (len(value), value)
    parts: list[bytes] = []
    _append(parts, value, protocol)
    return b"".join(parts)


def _append(parts: list[bytes], value: Any, protocol: int) -> None:
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise TypeError(f"no reply can be made of {type(value).__name__}")
    encode(parts, value, protocol)


def _bulk(parts: list[bytes], value: bytes, _protocol: int) -> None:
    parts.append(b"$%d\r\n%b\r\n" % (len(value), value))


def _integer(parts: list[bytes], value: int, _protocol: int) -> None:
    parts.append(b":%d\r\n" % value)


def _null(parts: list[bytes], _value: None, protocol: int) -> None:
    parts.append(b"_\r\n" if protocol == 3 else b"$-1\r\n")


def _null_array(parts: list[bytes], _value: NullArray, protocol: int) -> None:
    parts.append(b"_\r\n" if protocol == 3 else b"*-1\r\n")


def _status(parts: list[bytes], value: SimpleString, _protocol: int) -> None:
    parts.append(b"+%b\r\n" % value.value)


def _error(parts: list[bytes], value: SimpleError, _protocol: int) -> None:
    text = value.value.replace("\r", " ").replace("\n", " ")
    parts.append(b"-%b\r\n" % text.encode("utf-8", "surrogateescape"))


def _boolean(parts: list[bytes], value: bool, protocol: int) -> None:
    if protocol == 3:
        parts.append(b"#t\r\n" if value else b"#f\r\n")
    else:
        parts.append(b":1\r\n" if value else b":0\r\n")


def _double(parts: list[bytes], value: Double, protocol: int) -> None:
    if protocol == 3:
        parts.append(b",%b\r\n" % value)
    else:
        _bulk(parts, value, protocol)


def _verbatim(parts: list[bytes], value: Verbatim, protocol: int) -> None:
    if protocol == 3:
        parts.append(b"=%d\r\ntxt:%b\r\n" % (len(value) + 4, value))
    else:
        _bulk(parts, value, protocol)


def _sequence(parts: list[bytes], mark: bytes, items: Iterable[Any], protocol: int) -> None:
    at = len(parts)
    parts.append(b"")
    count = 0
    for item in items:
        count += 1
        if type(item) is bytes:
            parts.append(b"$%d\r\n%b\r\n" % (len(item), item))
        else:
            _append(parts, item, protocol)
    parts[at] = b"%b%d\r\n" % (mark, count)


def _array(parts: list[bytes], value: list[Any], protocol: int) -> None:
    _sequence(parts, b"*", value, protocol)


def _set(parts: list[bytes], value: SetReply, protocol: int) -> None:
    _sequence(parts, b"~" if protocol == 3 else b"*", value, protocol)


def _push(parts: list[bytes], value: PushReply, protocol: int) -> None:
    _sequence(parts, b">" if protocol == 3 else b"*", value, protocol)


def _map(parts: list[bytes], value: dict[Any, Any], protocol: int) -> None:
    parts.append(b"%%%d\r\n" % len(value) if protocol == 3 else b"*%d\r\n" % (2 * len(value)))
    for key, item in value.items():
        _append(parts, key, protocol)
        _append(parts, item, protocol)


_ENCODERS: dict[type, Callable[[list[bytes], Any, int], None]] = {
    bytes: _bulk,
    int: _integer,
    type(None): _null,
    NullArray: _null_array,
    SimpleString: _status,
    SimpleError: _error,
    bool: _boolean,
    Double: _double,
    Verbatim: _verbatim,
    list: _array,
    SetReply: _set,
    PushReply: _push,
    dict: _map,
}
