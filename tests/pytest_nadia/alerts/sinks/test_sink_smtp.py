"""The mail sink, as programs that send mail meet it."""

from __future__ import annotations

import smtplib
import threading
import time
from contextlib import suppress
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.alerts.sinks import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.sinks import AlertSinks

    Mail = Callable[..., None]


def send_raw(sinks: AlertSinks, text: str, *recipients: str) -> None:
    with smtplib.SMTP(sinks.smtp.host, sinks.smtp.port, timeout=5) as client:
        client.sendmail("bot@example.org", recipients or ["ops@example.org"], text)


def test_a_mail_is_parsed_back(sinks: AlertSinks, mail: Mail) -> None:
    mail("dünn", "größer\n")
    (one,) = sinks.received
    assert (one.channel, one.text, one.status, one.delivered) == ("smtp", "dünn\ngrößer", 250, True)
    assert one.recipients == ("ops@example.org",)
    assert isinstance(one.payload, EmailMessage)
    assert one.payload["Subject"] == "dünn"
    assert one.raw.startswith(b"From: bot@example.org\r\n")


def test_lines_with_a_dot_arrive_as_they_were(sinks: AlertSinks, mail: Mail) -> None:
    mail(body=".\n..\nend\n")
    assert sinks.received[0].text == "disk full\n.\n..\nend"


def test_a_sender_may_log_in(sinks: AlertSinks, caplog: pytest.LogCaptureFixture) -> None:
    with smtplib.SMTP(sinks.smtp.host, sinks.smtp.port, timeout=5) as client:
        client.login("bot", "any")
    assert not [one for one in caplog.records if one.levelname == "WARNING"]


def test_several_senders_at_once(sinks: AlertSinks, mail: Mail) -> None:
    threads = [threading.Thread(target=mail, args=(f"number {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.text[:8] for one in sinks.smtp.received) == [f"number {n}" for n in range(8)]


@pytest.mark.parametrize(
    "subject",
    ["x\r\nBcc: nadia-canary@example.invalid", "x\nTo: nadia-canary@example.invalid"],
)
def test_a_header_that_was_injected_is_told_of(sinks: AlertSinks, subject: str) -> None:
    text = f"From: bot@example.org\nTo: ops@example.org\nSubject: {subject}\n\nbody\n"
    with sinks.smtp.expect_invalid(), suppress(smtplib.SMTPDataError):
        send_raw(sinks, text)
    assert any("text became a header" in problem for problem in sinks.received[0].problems)


def test_the_hostile_texts_become_headers_where_they_can(sinks: AlertSinks) -> None:
    injecting = [text for text in sinks.hostile_texts if "nadia-canary@" in text]
    assert len(injecting) >= 2
    for text in injecting:
        head = f"From: bot@example.org\nTo: ops@example.org\nSubject: {text}\n\nbody\n"
        with sinks.smtp.expect_invalid(), suppress(smtplib.SMTPDataError):
            send_raw(sinks, head)
        assert any("became a header" in one for one in sinks.received[-1].problems)


def test_the_standard_library_takes_the_hostile_texts_as_texts(
    sinks: AlertSinks, mail: Mail
) -> None:
    for text in sinks.hostile_texts:
        mail("".join(one if one.isprintable() else " " for one in text[:200]), text[:900] + "\n")
    assert len(sinks.received) == len(sinks.hostile_texts)


@pytest.mark.parametrize(
    ("at", "error"),
    [
        ("MAIL", smtplib.SMTPSenderRefused),
        ("RCPT", smtplib.SMTPRecipientsRefused),
        ("DATA", smtplib.SMTPDataError),
    ],
)
def test_a_mail_can_be_refused_at_each_step(
    sinks: AlertSinks, mail: Mail, at: str, error: type[Exception]
) -> None:
    with sinks.smtp.fail(452, at=at, times=1) as demand, pytest.raises(error, match="452"):
        mail()
    assert demand.met == 1
    assert [one.delivered for one in sinks.received] == ([False] if at == "DATA" else [])
    mail()
    assert len(sinks.delivered) == 1


def test_a_black_hole_takes_connections_and_says_nothing(sinks: AlertSinks, mail: Mail) -> None:
    with sinks.smtp.black_hole() as demand, pytest.raises(smtplib.SMTPServerDisconnected):
        mail(timeout=0.1)
    assert demand.met == 1
    assert not sinks.received
    mail()


def test_who_is_in_a_black_hole_is_let_go(sinks: AlertSinks, mail: Mail) -> None:
    demand = sinks.smtp.black_hole()
    threading.Timer(0.05, demand.lift).start()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        mail(timeout=60)


@pytest.mark.parametrize("kind", ["hang", "drop"])
def test_what_was_taken_without_an_answer_counts_as_delivered(
    sinks: AlertSinks, mail: Mail, kind: str
) -> None:
    with getattr(sinks.smtp, kind)(), pytest.raises(smtplib.SMTPServerDisconnected):
        mail(timeout=0.1)
    (one,) = sinks.received
    assert (one.status, one.delivered) == (None, True)


def test_a_delay_takes_its_time(sinks: AlertSinks, mail: Mail) -> None:
    began = time.monotonic()
    with sinks.smtp.delay(0.1):
        mail()
    assert time.monotonic() - began >= 0.1
    assert sinks.received[0].delivered


def test_connections_can_be_refused(sinks: AlertSinks, mail: Mail) -> None:
    with sinks.smtp.refuse(), pytest.raises(ConnectionRefusedError):
        mail()
    mail()


def test_nonsense_is_refused(sinks: AlertSinks) -> None:
    with pytest.raises(SinkError, match="a code from 400 to 599, not 250"):
        sinks.smtp.fail(250)
    with pytest.raises(SinkError, match="at=MAIL or RCPT or DATA"):
        sinks.smtp.fail(at="QUIT")


def test_a_client_that_stays_does_not_keep_the_sinks_open(sinks: AlertSinks) -> None:
    client = smtplib.SMTP(sinks.smtp.host, sinks.smtp.port, timeout=5)
    client.ehlo()
    sinks.smtp.close()
    client.close()
