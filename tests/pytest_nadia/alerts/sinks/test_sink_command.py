"""The command sink: arguments and input arrive as they are, and no shell reads them."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_nadia.alerts.sinks import AlertSinkError, SinkError, alert_sinks

if TYPE_CHECKING:
    from pytest_nadia.alerts.sinks import AlertSinks


def run(sinks: AlertSinks, *arguments: str, given: bytes = b"", timeout: float = 10) -> int:
    done = subprocess.run(
        [*sinks.command.argv, *arguments], input=given, timeout=timeout, check=False
    )
    return done.returncode


def test_arguments_and_input_arrive_exactly(sinks: AlertSinks) -> None:
    arguments = ["two words", "", "ü", "*", "--flag", "line\nbreak", "\udcff"]
    assert run(sinks, *arguments, given=b"\x00\xff\n") == 0
    (one,) = sinks.received
    assert one.payload == arguments
    assert one.raw == b"\x00\xff\n"
    assert (one.channel, one.status, one.delivered) == ("command", 0, True)
    assert "two words" in one.text


def test_a_list_of_arguments_reaches_no_shell(sinks: AlertSinks) -> None:
    shell = [text for text in sinks.hostile_texts if "touch" in text]
    assert len(shell) >= 8
    run(sinks, *shell)
    assert sinks.received[0].payload == shell


@pytest.mark.parametrize(
    ("quotes", "start"),
    [("", "$("), ("", "; "), ("", "\n"), ('"', "`"), ('"', '"; '), ("'", "'; "), ("", "$(touch$")],
)
def test_a_shell_that_reads_the_text_is_told_of(quotes: str, start: str) -> None:
    def alert() -> None:
        with alert_sinks() as sinks:
            text = next(one for one in sinks.hostile_texts if one.startswith(start))
            line = f"{shlex.join(sinks.command.argv)} {quotes}{text}{quotes}"
            subprocess.run(["sh", "-c", line], timeout=10, check=False, capture_output=True)

    with pytest.raises(AlertSinkError, match="command: the text of an alert reached a shell"):
        alert()


def test_a_command_can_fail(sinks: AlertSinks) -> None:
    with sinks.command.fail(exit_code=3, times=1):
        assert run(sinks, "a") == 3
    assert run(sinks, "b") == 0
    assert [one.delivered for one in sinks.received] == [False, True]
    with pytest.raises(SinkError, match="an exit code from 1 to 255"):
        sinks.command.fail(0)


def test_a_command_can_hang(sinks: AlertSinks) -> None:
    with sinks.command.hang(), pytest.raises(subprocess.TimeoutExpired):
        run(sinks, "a", timeout=0.5)
    assert sinks.received[0].delivered


def test_a_command_can_be_slow(sinks: AlertSinks) -> None:
    with sinks.command.delay(0.05):
        assert run(sinks, "a") == 0


@pytest.mark.slow
def test_an_input_that_nobody_closes_is_told_of(sinks: AlertSinks) -> None:
    with sinks.command.expect_invalid():
        started = subprocess.Popen([*sinks.command.argv, "a"], stdin=subprocess.PIPE)
        (one,) = sinks.wait_for(1, timeout=20)
        started.communicate(timeout=10)
    assert "its standard input was left open" in one.problems[0]


def test_strangers_at_its_port_are_not_recorded(sinks: AlertSinks) -> None:
    import socket

    for text in (b"\n", b"{}\n", b'{"token": "x"}\n', b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection((sinks.command.host, sinks.command.port), 5) as client:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(10) == b""
    assert not sinks.received
