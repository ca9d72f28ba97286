"""Tokens that look real, made at run time so that no file holds one."""

from __future__ import annotations

import random
import string

import pytest


class Tokens:
    def __init__(self) -> None:
        self._random = random.Random(20261123)  # nosec B311

    def letters(self, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(self._random.choices(alphabet, k=count))

    def hexadecimal(self, count: int) -> str:
        return self.letters(count, "0123456789abcdef")

    def aws(self) -> str:
        return "AK" + "IA" + self.letters(16, string.ascii_uppercase + "234567")

    def github(self) -> str:
        return "gh" + "p_" + self.letters(36)

    def telegram(self) -> str:
        return self.letters(9, "123456789") + ":" + self.letters(35)

    def private_key(self) -> str:
        kind = "RSA " + "PRIVATE KEY-----\n"
        body = "\n".join(self.letters(64) for _ in range(4))
        return f"-----BEGIN {kind}{body}\n-----END {kind}"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()
