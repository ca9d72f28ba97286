"""What the channels send, judged by endpoints that know each vendor's rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from companion import payloads
from companion.alert_state import StateFile
from companion.alerts import Alert, AlertManager, Outcome
from companion.channels import CommandChannel, HttpChannel, MailChannel
from companion.message import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_nadia.alerts.sinks import AlertSinks

    from companion.alerts import Channel

pytestmark = [pytest.mark.integration, pytest.mark.redis(off=True)]

NAMES = ["slack", "discord", "webhook", "smtp", "command"]


def channel(sinks: AlertSinks, name: str, seconds: float = 10.0) -> Channel:
    match name:
        case "smtp":
            url = f"smtp://{sinks.smtp.host}:{sinks.smtp.port}"
            return MailChannel(url, "bot@example.org", ("ana@example.org",), seconds)
        case "command":
            return CommandChannel(tuple(sinks.command.argv), seconds)
        case "slack":
            return HttpChannel(name, sinks.slack.url, payloads.slack, seconds)
        case "discord":
            return HttpChannel(name, sinks.discord.url, payloads.discord, seconds)
    return HttpChannel(name, sinks.webhook.url, payloads.plain, seconds)


def send(channels: list[Channel], path: Path, *alerts: Alert) -> list[Outcome]:
    async def all_of_them() -> list[Outcome]:
        manager = AlertManager(channels, StateFile(path / "alerts.json"))
        return [await manager.send(one) for one in alerts]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("name", NAMES)
def test_no_text_does_harm(alert_sinks: AlertSinks, tmp_path: Path, name: str) -> None:
    texts = alert_sinks.hostile_texts
    alerts = [Alert(f"{number}", "critical", text, text) for number, text in enumerate(texts)]
    for at in range(0, len(alerts), 10):
        folder = tmp_path / str(at)
        folder.mkdir()
        send([channel(alert_sinks, name)], folder, *alerts[at : at + 10])
    assert len(alert_sinks.delivered) == len(texts)
    alert_sinks.check()


def test_one_alert_goes_everywhere(alert_sinks: AlertSinks, tmp_path: Path) -> None:
    alert = Alert("health:critical", "critical", "Redis is down", "no answer within 2 s")
    channels = [channel(alert_sinks, name) for name in NAMES]
    assert send(channels, tmp_path, alert, alert)[0] == Outcome(True)
    assert sorted(one.channel for one in alert_sinks.received) == sorted(NAMES)
    assert all("no answer within 2 s" in one_line(one.text) for one in alert_sinks.received)


@pytest.mark.parametrize("name", ["slack", "discord", "webhook"])
@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_refusal_is_no_delivery(
    alert_sinks: AlertSinks, tmp_path: Path, name: str, status: int
) -> None:
    alert = Alert("a", "critical", "t", "x")
    with getattr(alert_sinks, name).fail(status, times=1):
        found = send([channel(alert_sinks, name)], tmp_path, alert, alert)
    assert [one.delivered for one in found] == [False, True]


@pytest.mark.parametrize("name", ["webhook", "smtp"])
def test_no_answer_is_a_delivery_and_holds_nothing_up(
    alert_sinks: AlertSinks, tmp_path: Path, name: str
) -> None:
    alert = Alert("a", "critical", "t", "x")
    with getattr(alert_sinks, name).hang():
        found = send([channel(alert_sinks, name, 0.5)], tmp_path, alert, alert)
    assert [one.delivered for one in found] == [True, False]


@pytest.mark.parametrize("name", ["slack", "discord", "webhook", "smtp"])
def test_a_channel_that_is_not_there_is_no_delivery(
    alert_sinks: AlertSinks, tmp_path: Path, name: str
) -> None:
    alert = Alert("a", "critical", "t", "x")
    with getattr(alert_sinks, name).refuse():
        (found,) = send([channel(alert_sinks, name)], tmp_path, alert)
    assert not found.delivered
