"""Replies as values of Lua, and back."""

from __future__ import annotations

import json
import math
from typing import Any

from fakeredis._helpers import SimpleError, SimpleString
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE

from pytest_nadia.redis.emulation.values import Double, NullArray, SetReply

_SMALLEST = -(2**63)
_INTEGERS = range(_SMALLEST, 2**63)


class JsonNull:
    """cjson.null."""


NULL = JsonNull()


def is_table(value: Any) -> bool:
    return bool(LUA_MODULE.lua_type(value) == "table")


def to_lua(runtime: Any, value: Any) -> Any:
    """What redis.call gives to a script for a reply that is no error."""
    if value is None or isinstance(value, NullArray):
        return False
    if isinstance(value, SimpleString):
        return runtime.table_from({b"ok": value.value})
    if isinstance(value, SimpleError):
        return runtime.table_from({b"err": value.value.encode("utf-8", "surrogateescape")})
    if type(value) is Double:
        return runtime.table_from({b"double": float(value)})
    if isinstance(value, SetReply):
        members = {to_lua(runtime, item): True for item in value}
        return runtime.table_from({b"set": runtime.table_from(members)})
    if isinstance(value, list):
        return runtime.table_from([to_lua(runtime, item) for item in value])
    if isinstance(value, dict):
        pairs = {to_lua(runtime, key): to_lua(runtime, item) for key, item in value.items()}
        return runtime.table_from({b"map": runtime.table_from(pairs)})
    return value


def from_lua(value: Any) -> Any:
    """The reply that a script's value becomes."""
    if value is None or isinstance(value, (bytes, JsonNull)):
        return None if isinstance(value, JsonNull) else value
    if isinstance(value, bool):
        return 1 if value else None
    if isinstance(value, (int, float)):
        return _integer(value)
    return _from_table(value) if is_table(value) else None


def _integer(value: float) -> int:
    if not math.isfinite(value):
        return _SMALLEST
    return int(value) if int(value) in _INTEGERS else _SMALLEST


def _from_table(table: Any) -> Any:
    if isinstance(error := table[b"err"], bytes):
        reply = SimpleError(one_line(error))
        reply.counted = bool(table[b"counted"])  # type: ignore[attr-defined]
        return reply
    if isinstance(status := table[b"ok"], bytes):
        return SimpleString(one_line(status).encode("utf-8", "surrogateescape"))
    if isinstance(double := table[b"double"], (int, float)):
        return float(double)
    if is_table(pairs := table[b"map"]):
        return {from_lua(key): from_lua(item) for key, item in pairs.items()}
    if is_table(members := table[b"set"]):
        return SetReply(from_lua(member) for member in members)
    return _from_array(table)


def _from_array(table: Any) -> list[Any]:
    items: list[Any] = []
    while (item := table[len(items) + 1]) is not None:
        items.append(from_lua(item))
    return items


def one_line(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape").replace("\r", " ").replace("\n", " ")


def json_encode(value: Any) -> bytes:
    """cjson.encode. Raises `ValueError` for what JSON cannot hold."""
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("/", "\\/").encode("utf-8", "surrogateescape")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, JsonNull):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float) and not isinstance(value, bool):
        return int(value) if value.is_integer() and abs(value) < 1e14 else float(f"{value:.14g}")
    if not is_table(value):
        return value
    keys = list(value.keys())
    count = len(keys)
    if count and all(isinstance(key, int) and 0 < key <= count for key in keys):
        return [_plain(value[index]) for index in range(1, count + 1)]
    return {_json_key(key): _plain(value[key]) for key in keys}


def _json_key(key: Any) -> str:
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else f"{key:.14g}"


def json_decode(runtime: Any, text: bytes) -> Any:
    """cjson.decode. Raises `ValueError` for what is no JSON."""
    return _to_table(runtime, json.loads(text))


def _to_table(runtime: Any, value: Any) -> Any:
    if value is None:
        return NULL
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return runtime.table_from([_to_table(runtime, item) for item in value])
    if isinstance(value, dict):
        pairs = {key.encode(): _to_table(runtime, item) for key, item in value.items()}
        return runtime.table_from(pairs)
    return value
