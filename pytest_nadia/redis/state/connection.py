"""A connection of our own to the Redis of somebody's client: bytes, no retry, raw replies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

# Where the server is and who we are; all else of the client (decoding, retries, protocol) would
# change replies, or repeat writes.
_TAKEN_OVER = frozenset(
    {"host", "port", "path", "db", "username", "password", "credential_provider", "socket_type"}
)
_SECONDS_TO_ANSWER = 30.0


@contextmanager
def raw_client(client: redis.Redis, database: int | None = None) -> Iterator[redis.Redis]:
    """A client of the same server whose replies are those of RESP2, as they are on the wire.

    `database` None means that of the given client.
    """
    pool = client.connection_pool
    options = {k: v for k, v in pool.connection_kwargs.items() if _is_taken_over(k)}
    options |= {"protocol": 2, "socket_timeout": _SECONDS_TO_ANSWER}
    options["retry"] = Retry(NoBackoff(), 0)
    if database is not None:
        options["db"] = database
    own = redis.ConnectionPool(connection_class=pool.connection_class, **options)
    raw = redis.Redis(connection_pool=own)
    raw.response_callbacks.clear()
    try:
        yield raw
    finally:
        own.disconnect()


def _is_taken_over(option: str) -> bool:
    return option in _TAKEN_OVER or option.startswith("ssl_")


def ask_one(client: redis.Redis, *command: Any) -> Any:
    return client.execute_command(*command)  # type: ignore[no-untyped-call]


def used_databases(client: redis.Redis) -> list[int]:
    """The numbers of the databases that hold keys, in order."""
    info: bytes = ask_one(client, "INFO", "keyspace")
    return sorted(
        int(line[2:].split(b":")[0]) for line in info.splitlines() if line.startswith(b"db")
    )
