"""The URL of an existing server, taken apart.

No message quotes the URL: a password with unescaped special characters may sit anywhere in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pytest_nadia.redis.backends.errors import BackendError, UrlError

if TYPE_CHECKING:
    from pytest_nadia.redis.backends.blocking import Address

_DEFAULT_PORT = 6379
_SHAPES = "redis://[user:password@]host:port[/db] (or valkey://...) or unix:///path?db=N"
_HINT = "special characters in user and password are percent-encoded"
_QUERY_NAMES = {"db", "username", "password"}
_PLAIN = {"redis", "valkey"}
_TLS = {"rediss", "valkeys"}


@dataclass(frozen=True)
class Target:
    """Where a server is and how to log in; `database` is None where the URL names none."""

    address: Address
    username: str = ""
    password: str = field(default="", repr=False)
    database: int | None = None

    @property
    def where(self) -> str:
        """The address for messages."""
        if isinstance(self.address, str):
            return self.address
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def login(self) -> list[bytes]:
        """The AUTH command; empty where the URL has no user and no password."""
        if not (self.username or self.password):
            return []
        user = [self.username.encode()] if self.username else []
        return [b"AUTH", *user, self.password.encode()]


def parse_url(url: str) -> Target:
    """Raises `BackendError`, whose text holds nothing of the password; `UrlError` for no URL."""
    try:
        parts = urlsplit(url)
        query = _query(parts)
        return Target(
            address=_address(parts),
            username=unquote(query.get("username", parts.username or "")),
            password=unquote(query.get("password", parts.password or "")),
            database=_database(parts, query),
        )
    except ValueError:
        raise UrlError(
            f"the URL of the Redis server cannot be read: expected {_SHAPES}, where {_HINT}"
        ) from None


def _address(parts: SplitResult) -> Address:
    if parts.scheme in _TLS:
        raise BackendError(
            f"{parts.scheme}:// is not supported, as the faults are put into plain bytes: open a "
            f"TLS tunnel (stunnel, for one) and give its {parts.scheme[:-1]}:// URL, or pass "
            "--nadia-redis=server"
        )
    if parts.scheme in _PLAIN:
        return parts.hostname or "localhost", parts.port or _DEFAULT_PORT
    if parts.scheme == "unix" and parts.path and not parts.hostname:
        return unquote(parts.path)
    raise ValueError


def _query(parts: SplitResult) -> dict[str, str]:
    if parts.fragment:
        raise ValueError
    found = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if not found.keys() <= _QUERY_NAMES:
        raise ValueError
    return {name: values[-1] for name, values in found.items()}


def _database(parts: SplitResult, query: dict[str, str]) -> int | None:
    text = query.get("db", "")
    if not text and parts.scheme in _PLAIN:
        text = parts.path.strip("/")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)
