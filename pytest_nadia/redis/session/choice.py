"""Which Redis the tests get: `--nadia-redis`, the ini name `nadia_redis`, or the marker."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")
WORDS = ("embedded", "server", "both")
_EXPECTED = "embedded, server, both, or the URL of a Redis (redis://HOST:PORT)"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the words, or "url" and the URL."""

    kind: str
    url: str = ""

    def __str__(self) -> str:
        return masked(self.url) if self.url else self.kind


def parse_choice(text: str) -> Choice:
    """Raises ValueError, with one line that names the right values."""
    if text in WORDS:
        return Choice(text)
    if "://" not in text:
        raise ValueError(f"{text!r} is not a Redis to use: expected {_EXPECTED}")
    if (scheme := text.partition("://")[0].lower()) not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ValueError(f"a Redis URL begins with one of {known} and not with {scheme}://")
    return Choice("url", text)


def masked(url: str) -> str:
    """`url` without its password; without its query too, which may hold one."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    name = user.partition(":")[0] + (":***" if ":" in user else "")
    shown = f"{scheme}://{name}{at}{host}{slash}{path}"
    return shown.partition("?")[0]
