"""The Redis of one test, as the test sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_nadia.redis.client_options import check_options

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

    from pytest_nadia.redis.process import Front
    from pytest_nadia.redis.session.asynchronous import AsyncClients
    from pytest_nadia.redis.snapshot import Snapshot

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

_HUNDRED_YEARS = 3_155_760_000


class RedisServer:
    """An empty Redis, for as long as the test runs.

    `kind` is "embedded", "server" or "url", `version` the numbers of the Redis version that it
    is or announces, `front` the process before it that faults and ledger use.
    """

    def __init__(self, front: Front) -> None:
        self.front = front
        self._clients: list[Redis] = []
        self._asynchronous: AsyncClients | None = None

    @property
    def url(self) -> str:
        return self.front.url

    @property
    def host(self) -> str:
        return self.front.host

    @property
    def port(self) -> int:
        return self.front.port

    @property
    def socket_path(self) -> str:
        return self.front.socket_path

    @property
    def kind(self) -> str:
        return self.front.kind

    @property
    def version(self) -> tuple[int, ...]:
        return self.front.version

    def __repr__(self) -> str:
        return f"<RedisServer {self.kind} {self.url}>"

    def client(self, **options: Any) -> Redis:
        """A new client, closed when the test ends; the options are those of `Redis.from_url`.

        Raises TypeError for an option that there is not.
        """
        from redis import Redis

        client = Redis.from_url(self.url, **options)
        check_options(client.connection_pool, options)
        self._clients.append(client)
        return client

    def async_client(self, **options: Any) -> AsyncRedis:
        """A new client of `redis.asyncio`, for any event loop; closed when the test ends.

        Raises TypeError for an option that there is not.
        """
        from pytest_nadia.redis.session.asynchronous import AsyncClients

        if self._asynchronous is None:
            self._asynchronous = AsyncClients(self.url)
        return self._asynchronous.make(**options)

    def advance(self, seconds: float) -> str:
        """Let `seconds` pass for the data. Gives a remark where not everything could be moved.

        A real server's clock cannot be moved: there only the keys' time to live gets shorter.
        Raises ValueError unless `seconds` is a number from 0 to a hundred years.
        """
        number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if not (number and 0 <= seconds <= _HUNDRED_YEARS):
            raise ValueError(f"advance takes seconds from 0 to {_HUNDRED_YEARS}, not {seconds!r}")
        return self.front.advance(seconds)

    def snapshot(self) -> Snapshot:
        """All that the Redis holds, to compare or to restore. The ledger does not count it."""
        from pytest_nadia.redis.backstage import snapshot_of

        return snapshot_of(self.front)

    def restore(self, snapshot: Snapshot) -> None:
        """Replace all that the Redis holds by what it held at `snapshot`."""
        from pytest_nadia.redis.backstage import restore_to
        from pytest_nadia.redis.snapshot import Snapshot

        if not isinstance(snapshot, Snapshot):
            raise TypeError(f"restore takes what snapshot() gave, not {type(snapshot).__name__}")

        restore_to(self.front, snapshot)

    def close(self) -> None:
        """Close the clients that were made here."""
        for client in self._clients:
            client.close()
        if self._asynchronous is not None:
            self._asynchronous.close()
