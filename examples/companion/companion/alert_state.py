"""What was delivered lately: kept in a file, and told to the other programs through Redis.

Within one run of the machine ages are measured with its monotonic clock, also by another process.
The wall clock only counts across a reboot, and for what another machine has delivered.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.constants import ALERT_LOCK_SECONDS, ALERTS, HOUR
from companion.message import loads
from companion.moments import age, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from redis.asyncio import Redis

_BOOT = Path("/proc/sys/kernel/random/boot_id")

# Only what is an hour old or younger is of interest, to this program and to others.
TELL = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return now
"""


@dataclass(frozen=True)
class Delivery:
    """An alert that a channel took, or is about to; `at` is in seconds of `time.monotonic`."""

    id: str
    key: str
    critical: bool
    at: float


class StateFile:
    """The deliveries of the last day, in one file that several processes may share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def change(self, edit: Callable[[list[Delivery]], list[Delivery]]) -> None:
        """Put what `edit` makes of the deliveries into the file. Raises OSError."""
        with self._locked():
            self._save(edit(self._load()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the file, or, if another process holds it for too long, not alone."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(f"{self._path}.lock", flags, 0o600)
        try:
            _wait_for(lock)
            yield
        finally:
            os.close(lock)

    def _load(self) -> list[Delivery]:
        """What cannot be read is as good as not there: an alert too many, but none too few."""
        try:
            stored = loads(self._path.read_text())
            return [_delivery(one, stored["boot"]) for one in stored["deliveries"]]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []

    def _save(self, deliveries: Iterable[Delivery]) -> None:
        entries = [_entry(one) for one in deliveries]
        text = json.dumps({"boot": _boot(), "deliveries": entries}, indent=1)
        new = Path(f"{self._path}.new")
        new.write_text(text + "\n")
        new.replace(self._path)


class SharedState:
    """What the programs on this Redis have delivered; every method may raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def recent(self) -> list[Delivery]:
        """The deliveries of the last hour, their ages measured with the clock of Redis."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.time()
        pipeline.zrange(ALERTS, 0, -1, withscores=True)
        (seconds, _), stored = await pipeline.execute()
        found = (_told(str(line), seconds - score) for line, score in stored)
        return [one for one in found if one is not None]

    async def tell(self, delivery: Delivery) -> None:
        line = json.dumps([delivery.id, delivery.key, delivery.critical])
        run = self._client.register_script(TELL)
        await run(keys=[ALERTS], args=[HOUR, line])


def _wait_for(lock: int) -> None:
    end = time.monotonic() + ALERT_LOCK_SECONDS
    while time.monotonic() < end:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)


def _entry(one: Delivery) -> dict[str, Any]:
    wall = now().timestamp() - (time.monotonic() - one.at)
    return {"id": one.id, "key": one.key, "critical": one.critical, "wall": wall, "at": one.at}


def _delivery(entry: dict[str, Any], boot: str) -> Delivery:
    """Raises KeyError, TypeError or ValueError for what `_entry` did not write."""
    at, here = float(entry["at"]), time.monotonic()
    if boot != _boot() or at > here:
        # Not longer ago than it can be: a wall clock that was set back must not give more.
        at = here - max(0.0, age(entry["wall"]))
    return Delivery(str(entry["id"]), str(entry["key"]), bool(entry["critical"]), at)


def _told(line: str, seconds: float) -> Delivery | None:
    try:
        name, key, critical = loads(line)
    except (ValueError, TypeError):
        return None
    return Delivery(str(name), str(key), bool(critical), time.monotonic() - max(0.0, seconds))


def _boot() -> str:
    """Names this run of the machine; empty where nothing does, and then no two are the same."""
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return os.urandom(8).hex()
