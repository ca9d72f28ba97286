"""maxmemory: what happens to commands, and to keys, when the data grow over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_nadia.redis.emulation.database import WeighedDatabase
    from pytest_nadia.redis.emulation.state import ServerState

OOM = "OOM command not allowed when used memory > 'maxmemory'."


def make_room(state: ServerState) -> bool:
    """Evict keys until the data fit; False if they still do not."""
    limit = state.settings.max_memory
    while state.used_memory() > limit:
        if not _evict_one(state):
            return False
    return True


def _evict_one(state: ServerState) -> bool:
    policy = state.settings.policy
    if policy == "noeviction":
        return False
    for database in state.databases().values():
        key = _victim(database, policy)
        if key is not None:
            database.evict(key)
            state.statistics.evicted_keys += 1
            return True
    return False


def _victim(database: WeighedDatabase, policy: str) -> bytes | None:
    if policy.startswith("volatile"):
        return database.soonest_to_expire()
    return database.oldest()
