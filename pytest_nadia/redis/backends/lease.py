"""A database of an existing server, for one run alone.

Two keys in database 0 tell of database N:

- `pytest-nadia:lease:N` is held by the run that uses it now, and expires when that run dies;
- `pytest-nadia:dirty:N` says that a run put there what it holds, until the run empties it again.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field
from itertools import count
from typing import NoReturn

from pytest_nadia.redis.backends.address import Target, parse_url
from pytest_nadia.redis.backends.blocking import (
    Address,
    BlockingClient,
    NotRedisError,
    Reply,
    ReplyError,
    encode,
)
from pytest_nadia.redis.backends.errors import BackendError
from pytest_nadia.redis.backends.info import parse_info, server_name, server_version
from pytest_nadia.redis.backends.login import ELSE_OWN, connected, refuse, without_password
from pytest_nadia.redis.backends.scripts import RELEASE, RENEW, RESET, TAKE, call

RENEWAL_SECONDS = 10.0


@dataclass(frozen=True)
class Lease:
    """A database that no other run uses; it must be renewed every `RENEWAL_SECONDS`.

    `address` is the server's, found out already: connecting to it asks no name server.
    """

    target: Target
    address: Address
    database: int
    token: str = field(repr=False)
    name: str
    version: tuple[int, ...]

    def opening_commands(self) -> list[list[bytes]]:
        """What a new connection must send before it may carry the tests' commands."""
        login = self.target.login()
        return [*([login] if login else []), [b"SELECT", b"%d" % self.database]]

    def renewal_commands(self) -> bytes:
        """The bytes of one command, good on any connection that is logged in, and alters none."""
        return encode(*self._script(RENEW))

    def reset_commands(self) -> bytes:
        """The same to empty the database, which is left alone if it is no longer ours."""
        return encode(*self._script(RESET))

    def problem(self, reply: bytes) -> str:
        """What the reply to one of these tells, in one line; empty if the lease goes on."""
        return self._problem(reply.strip() == b":1", reply.decode(errors="replace").strip())

    def renew(self) -> None:
        """The same on a connection of its own. Raises `BackendError`."""
        if problem := self._problem(*self._run(RENEW)):
            raise BackendError(problem)

    def release(self) -> str:
        """Empty the database and give it back, or tell why it is no longer ours, and untouched.

        Raises `BackendError`.
        """
        return self._problem(*self._run(RELEASE))

    def _run(self, script: str) -> tuple[bool, str]:
        with connected(self.target) as client:
            reply = client.call(*self._script(script))
        return reply == 1, str(reply)

    def _script(self, text: str, *more: str) -> list[str]:
        return call(text, self.database, self.token, *more)

    def _problem(self, done: bool, reply: str) -> str:
        if done:
            return ""
        lost = f"database {self.database} of Redis at {self.target.where} is no longer leased"
        if reply in (":0", "0"):
            return f"{lost}: this run slept too long, and another one took it: run the tests again"
        return f"{lost}: it answered {without_password(self.target, reply)[:120]}"


def take_lease(url: str, force: bool = False) -> Lease:
    """Lease the database that the URL names, or else the first one from 1 that is free and empty.

    `force` empties a database that holds keys of others, if the URL names it. Raises
    `BackendError`.
    """
    target = parse_url(url)
    if target.database == 0:
        raise BackendError(
            "database 0 holds the leases of all runs and is not given to tests: leave the number "
            "out of the URL, or name another one"
        )
    with connected(target) as client:
        info = _read_info(target, client)
        token = f"{socket.gethostname()} (process {os.getpid()}) {secrets.token_hex(8)}"
        number = _lease_database(target, client, token, force)
        address = client.peer
    return Lease(target, address, number, token, server_name(info), server_version(info))


def _lease_database(target: Target, client: BlockingClient, token: str, force: bool) -> int:
    if target.database is None:
        return _lease_first(target, client, token)
    outcome, detail = _try(target, client, target.database, token, force)
    if outcome != "taken":
        _refuse(target, target.database, outcome, detail)
    return target.database


def _lease_first(target: Target, client: BlockingClient, token: str) -> int:
    seen = {"leased": 0, "foreign": 0}
    for number in count(1):
        outcome, _ = _try(target, client, number, token, force=False)
        if outcome == "taken":
            return number
        if outcome == "none":
            break
        seen[outcome] += 1
    if not any(seen.values()):
        raise _no_second_database(target)
    raise BackendError(
        f"no database of Redis at {target.where} is free: {seen['leased']} are leased by other "
        f"runs, {seen['foreign']} hold keys of others: raise its `databases`, name in the URL one "
        f"that may be emptied and pass --nadia-redis-force, {ELSE_OWN}"
    )


def _no_second_database(target: Target) -> BackendError:
    return BackendError(
        f"Redis at {target.where} has one database only, and that one is not given to tests: "
        f"set its `databases` to 2 or more, {ELSE_OWN}"
    )


def _refuse(target: Target, number: int, outcome: str, detail: str) -> NoReturn:
    database = f"database {number} of Redis at {target.where}"
    if outcome == "leased":
        holder = detail.rpartition(" ")[0] or "another program"
        raise BackendError(
            f"{database} is leased by {holder}: leave the number out of the URL for a free one"
        )
    if outcome == "foreign":
        raise BackendError(
            f"{database} holds {detail} {'key' if detail == '1' else 'keys'} that no test run left "
            "there: name an empty one, or pass --nadia-redis-force to have it emptied"
        )
    raise BackendError(
        f"Redis at {target.where} has no database {number}: leave the number out of the URL"
    )


def _try(
    target: Target, client: BlockingClient, number: int, token: str, force: bool
) -> tuple[str, str]:
    reply = client.call(*call(TAKE, number, token, "force" if force else ""))
    if isinstance(reply, ReplyError):
        refuse(target, reply)
    outcome, detail = _texts(reply)
    if outcome == "none":
        _check_selection(target, detail)
    return outcome, detail


def _check_selection(target: Target, error: str) -> None:
    """The script could not select the database: because there is none, or for another reason."""
    if "cluster" in error:
        raise _in_cluster_mode(target)
    if "out of range" not in error and "invalid DB index" not in error:
        refuse(target, ReplyError(error))


def _texts(reply: Reply) -> list[str]:
    if not isinstance(reply, list) or len(reply) != 2:
        raise NotRedisError(ascii(reply)[:80])
    return [
        part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in reply
    ]


def _read_info(target: Target, client: BlockingClient) -> dict[str, str]:
    """Empty where the user may not read it."""
    reply = client.call("INFO")
    info = parse_info(reply) if isinstance(reply, bytes) else {}
    if info.get("cluster_enabled") == "1":
        raise _in_cluster_mode(target)
    return info


def _in_cluster_mode(target: Target) -> BackendError:
    return BackendError(
        f"Redis at {target.where} runs in cluster mode, where runs cannot have a database each: "
        f"give a server that does not, {ELSE_OWN}"
    )
