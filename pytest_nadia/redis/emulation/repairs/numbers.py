"""Floating-point texts as the C library of a real server reads and writes them."""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction

from fakeredis._helpers import SimpleError

_HEXADECIMAL = re.compile(rb"[+-]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*([pP][+-]?\d+)?")
_DECIMAL = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS = re.compile(rb"[+-]?(inf|infinity|nan)", re.IGNORECASE)
_LONGEST = 5 * 1024
_MANTISSA = 64
# Enough for every digit of the largest and of the smallest long double.
_DIGITS = 6000
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
    with localcontext(prec=_DIGITS):
        return write_long_double(value + step)


def write_long_double(value: Decimal) -> bytes:
    """At most 17 digits after the point, and no zeros at the end."""
    with localcontext(prec=_DIGITS):
        text = f"{_to_mantissa(value):.17f}".rstrip("0").rstrip(".")
    return (text if text not in {"-0", ""} else "0").encode()


def _to_mantissa(value: Decimal) -> Decimal:
    """The nearest number that a long double holds, whose mantissa has 64 bits."""
    if not value:
        return value
    exact = Fraction(value)
    shift = abs(exact.numerator).bit_length() - exact.denominator.bit_length() - _MANTISSA
    unit = Fraction(2) ** shift
    while abs(exact) / unit >= 2**_MANTISSA:
        unit *= 2
    nearest = round(exact / unit) * unit
    return Decimal(nearest.numerator) / Decimal(nearest.denominator)
