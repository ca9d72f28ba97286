"""A connection to an existing server, and what is said when there is none to be had."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from pytest_nadia.redis.backends.blocking import BlockingClient, NotRedisError, ReplyError
from pytest_nadia.redis.backends.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.redis.backends.address import Target

ELSE_OWN = "or pass --nadia-redis=server"
_SECONDS_TO_ANSWER = 5.0


@contextmanager
def connected(target: Target) -> Iterator[BlockingClient]:
    """A connection that is logged in; whatever goes wrong on it is a `BackendError`."""
    try:
        with BlockingClient(target.address, _SECONDS_TO_ANSWER) as client:
            _log_in(target, client)
            yield client
    except TimeoutError:
        raise BackendError(
            f"Redis at {target.where} did not answer within {_SECONDS_TO_ANSWER:g} s: "
            f"check host and port, {ELSE_OWN}"
        ) from None
    except OSError as error:
        raise BackendError(
            f"cannot connect to Redis at {target.where}: {error.strerror or error}: "
            f"start it, {ELSE_OWN}"
        ) from None
    except NotRedisError as error:
        raise BackendError(
            f"what answers at {target.where} is no Redis without TLS (it said "
            f"{without_password(target, str(error))}): check host and port, {ELSE_OWN}"
        ) from None


def _log_in(target: Target, client: BlockingClient) -> None:
    # First something without the password: it is not for a program that is no Redis.
    first = client.call("PING")
    if isinstance(first, ReplyError) and first.code not in ("NOAUTH", "NOPERM"):
        refuse(target, first)
    if not (isinstance(first, ReplyError) or first == b"PONG"):
        raise NotRedisError(ascii(first)[:80])
    reply = client.call(*login) if (login := target.login()) else first
    if isinstance(reply, ReplyError) and reply.code != "NOPERM":
        refuse(target, reply)


def refuse(target: Target, error: ReplyError) -> NoReturn:
    advice = _advice(error, without_password(target, str(error)))
    raise BackendError(f"Redis at {target.where} {advice}") from None


def _advice(error: ReplyError, shown: str) -> str:
    code, text = error.code, str(error)
    if code == "NOAUTH":
        return "wants a password: write it into the URL, redis://:PASSWORD@host:port"
    if "without any password" in text:
        return (
            "does not accept the user and password of the URL, as it has no password set: leave "
            "it out of the URL"
        )
    if code == "WRONGPASS" or "invalid password" in text:
        return (
            "does not accept the user and password of the URL: correct them (special characters "
            "are percent-encoded)"
        )
    if code == "READONLY":
        return f"is a read-only replica: give its primary, {ELSE_OWN}"
    if code == "NOPERM" or "ACL" in text or "The user executing" in text:
        return (
            f"does not let this user lease a database ({shown[:120]}): the user needs all commands "
            f"and all keys (ACL SETUSER NAME +@all ~* &*), {ELSE_OWN}"
        )
    return f"cannot be used: it answered {shown[:160]}: correct that, {ELSE_OWN}"


def without_password(target: Target, text: str) -> str:
    return text.replace(target.password, "***") if target.password else text
