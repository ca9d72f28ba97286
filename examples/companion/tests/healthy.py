"""What a healthy companion holds: a message in each of its stages, and two conversations.

`nadia health` puts this into Redis before it puts faults before the health check.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from companion.constants import (
    HISTORY,
    HISTORY_SECONDS,
    REVIEW,
    SEEN,
    SEEN_SECONDS,
    WORK,
    WRITE_AHEAD,
)
from companion.message import Message

if TYPE_CHECKING:
    from redis import Redis


def healthy(client: Redis) -> None:
    """Fills an empty Redis."""
    for name in ("arrived", "at-work", "in-review"):
        client.set(SEEN + name, "", ex=SEEN_SECONDS)
    message = Message("arrived", "ada", "hello", time.time())
    client.hset(WRITE_AHEAD, message.id, message.to_json())
    client.zadd(WORK, {"at-work": 1})
    client.zadd(REVIEW, {"in-review": 1})
    for user in ("ada", "bob"):
        _converse(client, user)


def _converse(client: Redis, user: str) -> None:
    for role, text in (("user", "hello"), ("companion", "hello, how are you?")):
        client.rpush(HISTORY + user, json.dumps({"role": role, "text": text}))
    client.expire(HISTORY + user, HISTORY_SECONDS)
