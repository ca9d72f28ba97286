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
    """Raises ValueError, with one line that names the right values and no password."""
    if text in WORDS:
        return Choice(text)
    if "://" not in text:
        given = "what was given" if "@" in text else repr(text)
        raise ValueError(f"{given} is not a Redis to use: expected {_EXPECTED}")
    if (scheme := text.partition("://")[0].lower()) not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        found = "" if "@" in scheme else f" and not with {scheme}://"
        raise ValueError(f"a Redis URL begins with one of {known}{found}")
    return Choice("url", text)


def masked(url: str) -> str:
    """`url` without its password, whatever characters that has, and without its query."""
    scheme, _, rest = url.partition("://")
    # A password with special characters that are not encoded may hold any of "/?#@:".
    user, at, host = rest.rpartition("@")
    name = user.partition(":")[0] + (":***" if ":" in user else "")
    return f"{scheme}://{name}{at}{host.partition('?')[0]}"
