"""Replies that have no type of their own in fakeredis, and how doubles are written.

Besides these a reply is made of None, bytes, int, `SimpleString`, `SimpleError`, list and, for
clients that speak RESP3, dict.
"""

from __future__ import annotations

import math
from typing import Any


class NullArray:
    """`*-1` in RESP2, the plain null in RESP3."""


NULL_ARRAY = NullArray()


def or_null_array(value: Any) -> Any:
    return NULL_ARRAY if value is None else value


class SetReply(list[Any]):
    """A set in RESP3, an array in RESP2."""


class PushReply(list[Any]):
    """A message that the client did not ask for, in RESP3; an array in RESP2."""


class Verbatim(bytes):
    """Plain text: a verbatim string in RESP3, a bulk string in RESP2."""


class Double(bytes):
    """The digits of a floating-point number: a double in RESP3, a bulk string in RESP2."""


def format_double(value: float, shortest: bool) -> bytes:
    """A score as a server writes it: 17 digits up to Redis 7.0, since 7.2 the fewest that do."""
    if math.isinf(value):
        return b"inf" if value > 0 else b"-inf"
    if math.isnan(value):
        return b"nan"
    if not shortest:
        return b"%.17g" % value
    if value == math.floor(value) and abs(value) < 2**62:
        return b"-0" if value == 0 and math.copysign(1, value) < 0 else b"%d" % value
    return _shortest(value)


def _shortest(value: float) -> bytes:
    sign, digits, exponent = _decompose(value)
    count = len(digits)
    magnitude = abs(exponent + count - 1)
    if exponent >= 0 and magnitude < count + 7:
        text = digits + "0" * exponent
    elif exponent < 0 and (exponent > -7 or magnitude < 4):
        text = _with_point(digits, count + exponent)
    else:
        fraction = f".{digits[1:]}" if count > 1 else ""
        text = f"{digits[0]}{fraction}e{'-' if exponent + count - 1 < 0 else '+'}{magnitude}"
    return (sign + text).encode()


def _decompose(value: float) -> tuple[str, str, int]:
    """Sign, digits without zeros at either end, and the power of ten of the last digit."""
    mantissa, _, power = f"{value!r}".lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    stripped = digits.rstrip("0")
    exponent = int(power or 0) - len(fraction) + len(digits) - len(stripped)
    return "-" if value < 0 else "", stripped, exponent


def _with_point(digits: str, whole: int) -> str:
    if whole <= 0:
        return "0." + "0" * -whole + digits
    return f"{digits[:whole]}.{digits[whole:]}"


def to_resp2(value: Any, shortest: bool) -> Any:
    """A reply with what RESP2 has no type for replaced."""
    kind = type(value)
    if kind is bytes or kind is int or value is None:
        return value
    if kind is float:
        return format_double(value, shortest)
    if kind is str:
        return value.encode()
    if kind is dict:
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, (list, tuple)):
        return [
            item if type(item) is bytes or type(item) is int else to_resp2(item, shortest)
            for item in value
        ]
    return value


def to_resp3(value: Any, shortest: bool) -> Any:
    """A reply with numbers and texts as the encoder of RESP3 expects them."""
    kind = type(value)
    if kind is bytes or kind is int or value is None:
        return value
    if kind is float:
        return Double(format_double(value, shortest))
    if kind is str:
        return value.encode()
    if kind is dict:
        return {to_resp3(key, shortest): to_resp3(item, shortest) for key, item in value.items()}
    if isinstance(value, SetReply):
        return SetReply(to_resp3(item, shortest) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_resp3(item, shortest) for item in value]
    return value
