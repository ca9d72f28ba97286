"""Floating-point texts as the C library of a real server reads and writes them."""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext

from fakeredis._helpers import SimpleError

_HEXADECIMAL = re.compile(rb"[+-]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*([pP][+-]?\d+)?")
_DECIMAL = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS = re.compile(rb"[+-]?(inf|infinity|nan)", re.IGNORECASE)
_LONGEST = 256
# The largest that a long double of 80 bits holds.
_LARGEST = Decimal("1.18973149535723176502e4932")


def parse_float(text: bytes) -> float | None:
    """The number in `text`, hexadecimal ones and infinities too; None if it is none."""
    if _HEXADECIMAL.fullmatch(text):
        return _hexadecimal(text)
    if _WORDS.fullmatch(text):
        number = float(text)
        return None if math.isnan(number) else number
    if not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    return None if math.isinf(number) else number


def _hexadecimal(text: bytes) -> float | None:
    try:
        return float.fromhex(text.decode())
    except (ValueError, OverflowError):
        return None


def _long_double(text: bytes) -> Decimal | None:
    if len(text) >= _LONGEST:
        return None
    if _HEXADECIMAL.fullmatch(text):
        number = _hexadecimal(text)
        return None if number is None else Decimal(number)
    if _WORDS.fullmatch(text):
        return None if text[-3:-2].lower() == b"n" else Decimal(text.decode())
    if not _DECIMAL.fullmatch(text):
        return None
    value = Decimal(text.decode())
    return value if abs(value) <= _LARGEST else None


def add_floats(old: bytes, amount: bytes, bad_value: str) -> bytes:
    """Their sum as Redis stores it. Raises `SimpleError`."""
    step = _long_double(amount)
    value = _long_double(old)
    if value is None:
        raise SimpleError(bad_value)
    if step is None:
        raise SimpleError("ERR value is not a valid float")
    if not (value.is_finite() and step.is_finite()):
        raise SimpleError("ERR increment would produce NaN or Infinity")
    with localcontext(prec=40):
        return write_long_double(value + step)


def write_long_double(value: Decimal) -> bytes:
    """At most 17 digits after the point, and no zeros at the end."""
    text = f"{_round(value):.17f}".rstrip("0").rstrip(".")
    return (text if text not in {"-0", ""} else "0").encode()


def _round(value: Decimal) -> Decimal:
    """To the 64 bits of a long double's mantissa, which is 19 to 20 digits."""
    with localcontext(prec=20):
        return +value
