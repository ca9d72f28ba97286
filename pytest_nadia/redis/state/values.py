"""What the keys of a Redis hold, as plain values that do not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Opaque:
    """The value of a type that belongs to a module: what DUMP gives, valid on the same server."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry that was delivered to a consumer and not acknowledged. `delivered_at`: Unix ms."""

    id: bytes
    consumer: bytes
    delivered_at: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class Group:
    last_delivered_id: bytes
    entries_read: int | None
    consumers: frozenset[bytes]
    pending: tuple[Pending, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """`entries`: (id, (field, value, field, value, ...)).

    `entries_added` and `max_deleted_id` are None where the server does not tell them.
    """

    entries: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    last_id: bytes
    groups: Mapping[bytes, Group]
    entries_added: int | None = None
    max_deleted_id: bytes | None = None


Value = (
    bytes
    | tuple[bytes, ...]
    | frozenset[bytes]
    | Mapping[bytes, bytes]
    | Mapping[bytes, float]
    | Stream
    | Opaque
)


@dataclass(frozen=True, slots=True)
class KeyState:
    """One key. `type` is what TYPE says.

    The value: bytes (string), tuple (list), frozenset (set), mapping to scores (zset), mapping to
    values (hash), `Stream`, or `Opaque`. `expires_at` and `field_expiries`: Unix ms.
    """

    type: str
    value: Value
    expires_at: int | None = None
    field_expiries: Mapping[bytes, int] = field(default_factory=dict)
