"""The sinks as a whole: the fixture, the context manager, ports, and what stays behind."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.alerts import sinks as sinks_module
from pytest_nadia.alerts.sinks import AlertSinkError, SinkError, alert_sinks

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.sinks import AlertSinks

POST = """
import json
import urllib.request

def post(url, payload):
    raw = json.dumps(payload).encode()
    request = urllib.request.Request(url, raw, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status
"""


@pytest.fixture
def run(pytester: pytest.Pytester, only_nadia: None) -> Callable[..., pytest.RunResult]:
    def start(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=POST + source)
        return pytester.runpytest_inprocess("-p", "nadia", "-W", "error", *arguments)

    return start


# The fixture


def test_a_test_that_sends_well_passes(
    run: Callable[..., pytest.RunResult], workers: tuple[str, ...]
) -> None:
    source = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(alert_sinks, number):
    assert post(alert_sinks.slack.url, {"text": f"number {number}"}) == 200
    assert [one.text for one in alert_sinks.received] == [f"number {number}"]
"""
    run(source, *workers).assert_outcomes(passed=6)


def test_a_bad_message_fails_its_test(run: Callable[..., pytest.RunResult]) -> None:
    source = """
def test_it(alert_sinks):
    post(alert_sinks.slack.url, {"text": "<!channel> CPU > 80 %"})
"""
    result = run(source)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*slack got a bad message: text: <!channel> notifies people*", "ERROR *bad message*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_an_unmet_demand_fails_its_test(run: Callable[..., pytest.RunResult]) -> None:
    source = """
def test_it(alert_sinks):
    alert_sinks.smtp.fail(451, times=2)
"""
    result = run(source)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*alert_sinks.smtp.fail(451, times=2) was demanded, and nothing*"])


def test_a_test_that_failed_has_one_reason(run: Callable[..., pytest.RunResult]) -> None:
    source = """
def test_it(alert_sinks):
    alert_sinks.smtp.fail(451)
    assert False, "mine"
"""
    run(source).assert_outcomes(failed=1)


def test_the_fixture_follows_the_virtual_clock(run: Callable[..., pytest.RunResult]) -> None:
    source = """
def test_it(alert_sinks, virtual_clock):
    virtual_clock.advance(days=1)
    began = virtual_clock.time()
    with alert_sinks.slack.delay(600):
        post(alert_sinks.slack.url, {"text": "x"})
    assert alert_sinks.received[0].at == began
    assert virtual_clock.time() - began > 599
"""
    run(source).assert_outcomes(passed=1)


def test_a_port_in_use_is_one_line(run: Callable[..., pytest.RunResult]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        source = f"""
import pytest

@pytest.fixture
def alert_sink_ports():
    return {{"smtp": {port}}}

def test_it(alert_sinks):
    pass
"""
        result = run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [f"alert_sinks.smtp cannot have port {port} of 127.0.0.1: Address already in use; stop*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


# Without pytest


def test_the_context_manager_checks_at_its_end(post: Callable[..., Any]) -> None:
    def send() -> None:
        with alert_sinks() as sinks:
            post(sinks.discord.url, {"content": "@everyone"})
            post(sinks.webhook.url, {"timestamp": "noon"})
            sinks.command.fail()

    with pytest.raises(AlertSinkError) as caught:
        send()
    lines = str(caught.value).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "discord",
        "webhook",
        "alert_sinks.command.fail(1)",
    ]


def test_the_error_of_the_block_comes_first() -> None:
    def fail() -> None:
        with alert_sinks() as sinks:
            sinks.slack.fail()
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail()


def test_ports_can_be_chosen(post: Callable[..., Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with alert_sinks(ports={"slack": port}) as sinks:
        assert sinks.slack.url == f"http://127.0.0.1:{port}/slack"
        assert post(sinks.slack.url, {"text": "x"}).status == 200
    for ports, expected in (
        ({"slck": 1}, "no channel 'slck': there are slack, discord"),
        ({"slack": 70_000}, "cannot have port 70000"),
    ):
        with pytest.raises(SinkError, match=expected), alert_sinks(ports=ports):
            pass


def test_two_sinks_never_share_a_port() -> None:
    with alert_sinks() as first, alert_sinks() as second:
        ports = [one.port for both in (first, second) for one in (both.slack, both.smtp)]
        assert len(set(ports)) == 4
        with pytest.raises(SinkError, match="cannot have port"):
            alert_sinks(ports={"slack": first.slack.port}).__enter__()


def test_a_refusing_port_stays_ours(sinks: AlertSinks) -> None:
    refused = sinks.slack.refuse(seen=False)
    with refused, socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", sinks.slack.port))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks_module, "find_spec", lambda name: None)
    with pytest.raises(SinkError, match=r"needs aiosmtpd and jsonschema.*'pytest-nadia\[all\]'"):
        alert_sinks().__enter__()


def test_nothing_stays_behind(post: Callable[..., Any]) -> None:
    before = set(threading.enumerate())
    with alert_sinks() as sinks:
        folder = sinks.command.path.parent
        kept = socket.create_connection((sinks.slack.host, sinks.slack.port), 5)
        mute = socket.create_connection((sinks.smtp.host, sinks.smtp.port), 5)
        mute.recv(100)
        with sinks.slack.hang(), pytest.raises(TimeoutError):
            post(sinks.slack.url, {"text": "x"}, timeout=0.05)
    assert set(threading.enumerate()) == before
    assert not folder.exists()
    assert kept.recv(10) == b""
    kept.close()
    mute.close()


@pytest.mark.slow
def test_a_program_of_its_own_warns_of_nothing(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        POST
        + """
import smtplib
from pytest_nadia.alerts.sinks import alert_sinks

with alert_sinks() as sinks:
    post(sinks.slack.url, {"text": "x"})
    with smtplib.SMTP(sinks.smtp.host, sinks.smtp.port, timeout=5) as client:
        client.sendmail("a@example.org", ["b@example.org"],
            "From: a@example.org\\nTo: b@example.org\\nSubject: s\\n\\nbody")
    print([one.channel for one in sinks.received])
"""
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("['slack', 'smtp']\n", "", 0)


def test_what_comes_last_is_checked_too() -> None:
    def send() -> None:
        with alert_sinks() as sinks:
            last = socket.create_connection((sinks.slack.host, sinks.slack.port), 5)
            head = b"POST /slack HTTP/1.1\r\nContent-Type: application/json\r\n"
            last.sendall(head + b"Content-Length: 9\r\n\r\n{")
            while [one.name for one in threading.enumerate()].count("alert_sinks.slack") < 2:
                time.sleep(0.001)
            last.close()

    with pytest.raises(AlertSinkError, match="slack got a bad message"):
        send()


# Waiting


def test_waiting_for_senders_that_take_their_time(
    sinks: AlertSinks, post: Callable[..., Any]
) -> None:
    for delay in (0.02, 0.05):
        threading.Timer(delay, post, (sinks.slack.url, {"text": "x"})).start()
    assert len(sinks.wait_for(2)) == 2
    assert len(sinks.slack.wait_for(2)) == 2


def test_waiting_in_vain_says_what_came(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    post(sinks.slack.url, {"text": "x"})
    with pytest.raises(AlertSinkError) as caught:
        sinks.wait_for(2, timeout=0.01)
    assert str(caught.value) == "alert_sinks waited 0.01 seconds for 2 in all, and got 1 by slack"
    with pytest.raises(AlertSinkError, match="for 1 by discord, and got 1 by slack"):
        sinks.discord.wait_for(1, timeout=0.01)


def test_senders_in_an_event_loop(sinks: AlertSinks) -> None:
    def send(number: int) -> None:
        raw = json.dumps({"text": f"number {number}"}).encode()
        request = urllib.request.Request(sinks.slack.url, raw, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()

    async def main() -> None:
        await asyncio.gather(*(asyncio.to_thread(send, number) for number in range(20)))
        await asyncio.to_thread(sinks.wait_for, 20)

    asyncio.run(main())
    assert len({one.text for one in sinks.received}) == 20
