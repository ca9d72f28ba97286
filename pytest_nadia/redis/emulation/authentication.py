"""AUTH, HELLO and the password of the default user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis._helpers import OK, SimpleError, casematch

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fakeredis._helpers import SimpleString

_REFUSED = "WRONGPASS invalid username-password pair or user is disabled."
_NONE_WANTED = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
_HELLO_NEEDS_AUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    "<proto> AUTH <user> <pass> option can be used to authenticate the client and select "
    "the RESP protocol version at the same time"
)
_BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters."


def check_name(name: bytes) -> None:
    """Raises `SimpleError` for what cannot be a client's name."""
    if any(not 33 <= character <= 126 for character in name):
        raise SimpleError(_BAD_NAME)


class AuthenticationMixin(SocketBase):
    # A connection that was open before a password was set stays authenticated, as in Redis.
    _authenticated: bool = False

    def _locked_out(self) -> bool:
        return bool(self.state.settings.password) and not self._authenticated

    def _authenticate(self, user: bytes, password: bytes) -> None:
        if not self._is_right(user, password):
            self._server.acl.add_log_record(
                b"auth", b"toplevel", b"AUTH", user, self._client_info.as_bytes()
            )
            raise SimpleError(_REFUSED)
        self._authenticated = True
        self._client_info["user"] = user.decode("utf-8", "surrogateescape")

    def _is_right(self, user: bytes, password: bytes) -> bool:
        required = self.state.settings.password
        if user == b"default" and required:
            return password == required
        if user not in self._server.acl.get_users():
            return False
        rules = self._server.acl.get_user_acl(user)
        return rules.enabled and (rules._nopass or rules.check_password(password))

    @command("auth", (bytes,), (bytes,))
    def _auth(self, *arguments: bytes) -> SimpleString:
        if len(arguments) > 2:
            raise SimpleError("ERR syntax error")
        if len(arguments) == 1:
            if not self._default_has_a_password():
                raise SimpleError(_NONE_WANTED)
            self._authenticate(b"default", arguments[0])
        else:
            self._authenticate(arguments[0], arguments[1])
        return OK

    def _default_has_a_password(self) -> bool:
        rules = self._server.acl.get_user_acl(b"default")
        return bool(self.state.settings.password) or not rules._nopass

    @command("hello", (), (bytes,))
    def hello(self, *arguments: bytes) -> dict[bytes, Any]:
        protocol = _protocol(arguments[0]) if arguments else self._client_info["resp"]
        credentials, name = _hello_options(arguments[1:])
        if credentials:
            self._authenticate(*credentials)
        if self._locked_out():
            raise SimpleError(_HELLO_NEEDS_AUTH)
        if name is not None:
            self._client_info["name"] = name.decode()
        self._client_info["resp"] = protocol
        return {
            b"server": b"redis",
            b"version": self.state.version_text.encode(),
            b"proto": protocol,
            b"id": self._client_info["id"],
            b"mode": b"standalone",
            b"role": b"master",
            b"modules": [],
        }


def _protocol(text: bytes) -> int:
    try:
        protocol = int(text)
    except ValueError:
        raise SimpleError("ERR Protocol version is not an integer or out of range") from None
    if protocol not in (2, 3):
        raise SimpleError("NOPROTO unsupported protocol version")
    return protocol


def _hello_options(options: Sequence[bytes]) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
    credentials: tuple[bytes, bytes] | None = None
    name: bytes | None = None
    at = 0
    while at < len(options):
        rest = len(options) - at - 1
        if casematch(options[at], b"auth") and rest >= 2:
            credentials = options[at + 1], options[at + 2]
            at += 3
        elif casematch(options[at], b"setname") and rest:
            name = options[at + 1]
            check_name(name)
            at += 2
        else:
            word = options[at].decode("utf-8", "surrogateescape")
            raise SimpleError(f"ERR Syntax error in HELLO option '{word}'")
    return credentials, name
