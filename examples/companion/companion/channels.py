"""The ways to a person. Each delivery ends within its channel's time, with an answer or without."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from companion import payloads
from companion.errors import AlertError
from companion.payloads import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage
    from typing import Any
    from urllib.parse import SplitResult

    from companion.alerts import Alert, Attempt, Channel, Severity
    from companion.config import Settings


@dataclass
class HttpChannel:
    """Posts JSON. The URL is a secret with Slack and Discord, and is not part of the repr."""

    name: str
    url: str = field(repr=False)
    payload: Callable[[Alert], dict[str, Any]]
    seconds: float
    lowest: Severity = "info"

    def deliver(self, alert: Alert, attempt: Attempt) -> None:
        status = self._post(json.dumps(self.payload(alert)).encode(), attempt)
        # A redirection is none of the alert's business: it would be followed without its text.
        if not 200 <= status < 300:
            raise AlertError(f"it answers with the HTTP status {status}")

    def _post(self, body: bytes, attempt: Attempt) -> int:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=self.seconds)) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, {"Content-Type": "application/json"})
            attempt.sent = True
            return connection.getresponse().status


@dataclass
class MailChannel:
    """`url` is smtp:// or smtps://[user:password@]host[:port]; a password needs encryption."""

    url: str = field(repr=False)
    sender: str
    recipients: tuple[str, ...]
    seconds: float
    lowest: Severity = "info"
    name: str = "mail"

    def deliver(self, alert: Alert, attempt: Attempt) -> None:
        message = payloads.mail(alert, self.sender, self.recipients)
        try:
            with closing(self._connect(urlsplit(self.url))) as server:
                self._hand_over(server, message, attempt)
        except smtplib.SMTPException as error:
            raise AlertError(f"the mail server refuses: {error}") from error

    def _connect(self, parts: SplitResult) -> smtplib.SMTP:
        host, context = parts.hostname or "", ssl.create_default_context()
        name = socket.gethostname()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, parts.port or 465, name, timeout=self.seconds, context=context
            )
        else:
            server = smtplib.SMTP(host, parts.port or 25, name, timeout=self.seconds)
        try:
            server.ehlo()
            self._log_in(server, parts, context)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP, parts: SplitResult, context: ssl.SSLContext) -> None:
        encrypted = parts.scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            encrypted = True
        if parts.username:
            if not encrypted:
                raise AlertError("the mail server has no encryption: no password is sent to it")
            server.login(unquote(parts.username), unquote(parts.password or ""))

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage, attempt: Attempt) -> None:
        _expect(server.mail(self.sender), 250)
        answers = [server.rcpt(one) for one in self.recipients]
        # The others get it, if one of them is refused.
        _expect(max(answers, key=lambda one: one[0] in (250, 251)), 250, 251)
        server.putcmd("data")
        _expect(server.getreply(), 354)
        server.send(re.sub(rb"(?m)^\.", b"..", message.as_bytes()) + b".\r\n")
        attempt.sent = True
        _expect(server.getreply(), 250)
        server.putcmd("quit")


@dataclass
class CommandChannel:
    """Gives the alert as JSON to a program's standard input; none of it is on its command line."""

    argv: tuple[str, ...]
    seconds: float
    lowest: Severity = "info"
    name: str = "command"

    def deliver(self, alert: Alert, attempt: Attempt) -> None:
        body = json.dumps(plain(alert)).encode() + b"\n"
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=nowhere,
            stderr=nowhere,
            start_new_session=True,
        ) as program:
            attempt.sent = True
            try:
                program.communicate(body, self.seconds)
            except subprocess.TimeoutExpired as error:
                # With all that it has started itself.
                with suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                raise TimeoutError from error
        if program.returncode:
            raise AlertError(f"{self.argv[0]} ends with {program.returncode}")


def from_settings(settings: Settings) -> list[Channel]:
    """The channels that are set up; none at all if nothing is."""
    seconds, lowest = settings.alert_seconds, settings.alert_lowest
    found: list[Channel] = [
        HttpChannel(name, url, payload, seconds, lowest)
        for name, url, payload in (
            ("slack", settings.alert_slack_url, payloads.slack),
            ("discord", settings.alert_discord_url, payloads.discord),
            ("webhook", settings.alert_webhook_url, plain),
        )
        if url
    ]
    if settings.alert_smtp_url:
        sender, recipients = settings.alert_mail_from, settings.alert_mail_to
        found.append(MailChannel(settings.alert_smtp_url, sender, recipients, seconds, lowest))
    if settings.alert_command:
        found.append(CommandChannel(settings.alert_command, seconds, lowest))
    return found


def _expect(answer: tuple[int, bytes], *codes: int) -> None:
    if answer[0] not in codes:
        text = answer[1].decode("utf-8", "replace")
        raise AlertError(f"the mail server says {answer[0]} {text}")
