from __future__ import annotations

import json
import smtplib
import urllib.error
import urllib.request
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_nadia.alerts.sinks import alert_sinks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.alerts.sinks import AlertSinks


class Reply(NamedTuple):
    status: int
    body: str
    headers: dict[str, str]


@pytest.fixture
def sinks() -> Iterator[AlertSinks]:
    with alert_sinks() as started:
        yield started


@pytest.fixture
def post() -> Callable[..., Reply]:
    """Sends JSON, or bytes as they are, and gives the answer whatever its status."""

    def send(url: str, payload: object, timeout: float = 5, **headers: str) -> Reply:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        request = urllib.request.Request(url, raw, {"Content-Type": "application/json"} | headers)
        try:
            answer: Any = urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Reply(answer.status, answer.read().decode(), dict(answer.headers))

    return send


@pytest.fixture
def mail(sinks: AlertSinks) -> Callable[..., None]:
    """Sends a mail as an ordinary program does."""

    def send(subject: str = "disk full", body: str = "95 %\n", timeout: float = 5) -> None:
        message = EmailMessage()
        message["From"], message["To"] = "bot@example.org", "ops@example.org"
        message["Subject"] = subject
        message.set_content(body)
        with smtplib.SMTP(sinks.smtp.host, sinks.smtp.port, timeout=timeout) as client:
            client.send_message(message)

    return send
