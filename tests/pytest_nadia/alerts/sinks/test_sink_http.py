"""The HTTP sinks, as a client meets them."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.alerts.sinks import SinkError, UnmetDemandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.alerts.sinks import AlertSinks

QUIET: dict[str, Any] = {"allowed_mentions": {"parse": []}}
HELLO = {"text": "hello"}


def raw_exchange(sinks: AlertSinks, request: bytes) -> bytes:
    with socket.create_connection((sinks.slack.host, sinks.slack.port), 5) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


# Answers


def test_each_service_answers_as_it_does(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    assert post(sinks.slack.url, HELLO)[:2] == (200, "ok")
    assert post(sinks.discord.url, {"content": "x", **QUIET})[:2] == (204, "")
    waited = post(f"{sinks.discord.url}?wait=true", {"content": "x", **QUIET})
    assert (waited.status, json.loads(waited.body)["id"]) == (200, "1")
    assert post(sinks.webhook.url, HELLO).status == 200


def test_what_came_is_told_in_order(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    before = time.time()
    post(sinks.webhook.url, HELLO)
    post(sinks.slack.url, {"text": "a &amp; b"})
    first, second = sinks.received
    assert (first.channel, second.channel) == ("webhook", "slack")
    assert second.text == "a & b"
    assert second.raw == b'{"text": "a &amp; b"}'
    assert second.payload == {"text": "a &amp; b"}
    assert (second.status, second.delivered, second.problems) == (200, True, ())
    assert before <= first.at <= second.at <= time.time()
    assert sinks.slack.received == [second]
    assert sinks.delivered == [first, second]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{", "no JSON"),
        (b'{"text": NaN}', "NaN is no JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"", "no JSON"),
    ],
)
def test_what_is_no_json_is_refused(
    sinks: AlertSinks, post: Callable[..., Any], raw: bytes, expected: str
) -> None:
    with sinks.slack.expect_invalid(), sinks.discord.expect_invalid():
        assert post(sinks.slack.url, raw)[:2] == (400, "invalid_payload")
        assert json.loads(post(sinks.discord.url, raw).body)["code"] == 50109
    for one in sinks.received:
        assert expected in one.problems[0]
        assert not one.delivered


def test_the_wrong_way_to_send_is_refused(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    with sinks.slack.expect_invalid():
        assert post(f"{sinks.slack.url}/more", HELLO).status == 400
        assert post(sinks.slack.url, HELLO, **{"Content-Type": "text/plain"}).status == 400
        assert b" 400 " in raw_exchange(sinks, b"GET /slack HTTP/1.1\r\nHost: a\r\n\r\n")
    path, kind, method = (one.problems[0] for one in sinks.received)
    assert "it was sent to /slack/more, not to http://" in path
    assert "its Content-Type is text/plain" in kind
    assert "it was sent with GET" in method


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n", "this is no HTTP request"),
        (b"POST /slack HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}", "it ended after 2 of 9 bytes"),
        (b"POST /slack HTTP/1.1\r\nContent-Length: x\r\n\r\n", "its body cannot be read"),
        (b"POST /slack HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n", "the limit is"),
        (b"POST /slack HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot be read"),
    ],
)
def test_a_broken_request_is_told_of(sinks: AlertSinks, request_: bytes, expected: str) -> None:
    with sinks.slack.expect_invalid():
        raw_exchange(sinks, request_)
        (one,) = sinks.slack.wait_for(1)
    assert any(expected in problem for problem in one.problems)


def test_a_client_that_says_nothing_is_no_message(sinks: AlertSinks) -> None:
    with socket.create_connection((sinks.slack.host, sinks.slack.port), 5):
        pass
    assert not sinks.received


def test_chunks_are_put_together(sinks: AlertSinks) -> None:
    client = http.client.HTTPConnection(sinks.slack.host, sinks.slack.port, timeout=5)
    parts = iter([b'{"text":', b' "hello"}'])
    client.request(
        "POST", "/slack", parts, {"Content-Type": "application/json"}, encode_chunked=True
    )
    assert client.getresponse().read() == b"ok"
    client.close()


def test_a_connection_may_be_kept(sinks: AlertSinks) -> None:
    client = http.client.HTTPConnection(sinks.slack.host, sinks.slack.port, timeout=5)
    for _ in range(3):
        client.request("POST", "/slack", json.dumps(HELLO), {"Content-Type": "application/json"})
        assert client.getresponse().read() == b"ok"
        own = client.sock.getsockname()
    assert client.sock.getsockname() == own
    client.close()


def test_bad_markup_is_taken_and_told_of(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    with sinks.slack.expect_invalid():
        assert post(sinks.slack.url, {"text": "<!channel>"}).status == 200
    (one,) = sinks.received
    assert one.delivered
    assert "notifies people" in one.problems[0]


# Demands


def test_a_failure_is_not_delivered(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    with sinks.slack.fail(503) as demand:
        assert [post(sinks.slack.url, HELLO).status for _ in range(3)] == [503] * 3
    assert demand.met == 3
    assert post(sinks.slack.url, HELLO).status == 200
    assert [one.status for one in sinks.received] == [503, 503, 503, 200]
    assert len(sinks.delivered) == 1


def test_failures_can_be_counted(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    sinks.webhook.fail(status=500, times=2)
    sinks.webhook.fail(status=502, times=1)
    assert [post(sinks.webhook.url, HELLO).status for _ in range(4)] == [500, 500, 502, 200]


def test_a_limit_says_when_to_come_back(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    with sinks.slack.fail(429, retry_after=30), sinks.discord.fail(429, retry_after=0.5):
        slack = post(sinks.slack.url, HELLO)
        discord = post(sinks.discord.url, {"content": "x", **QUIET})
    assert slack.headers["Retry-After"] == "30"
    assert discord.headers["Retry-After"] == "1"
    assert json.loads(discord.body)["retry_after"] == 0.5
    date = "Fri, 31 Dec 2027 23:59:59 GMT"
    with sinks.slack.fail(503, retry_after=date):
        assert post(sinks.slack.url, HELLO).headers["Retry-After"] == date


def test_a_delay_takes_its_time(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    began = time.monotonic()
    with sinks.slack.delay(0.1):
        assert post(sinks.slack.url, HELLO).status == 200
    assert time.monotonic() - began >= 0.1
    with sinks.slack.delay(60), pytest.raises(TimeoutError):
        post(sinks.slack.url, HELLO, timeout=0.1)
    assert [one.delivered for one in sinks.received] == [True, True]


@pytest.mark.parametrize("kind", ["hang", "drop"])
def test_what_was_taken_without_an_answer_counts_as_delivered(
    sinks: AlertSinks, post: Callable[..., Any], kind: str
) -> None:
    with (
        getattr(sinks.slack, kind)(),
        pytest.raises((TimeoutError, http.client.RemoteDisconnected)),
    ):
        post(sinks.slack.url, HELLO, timeout=0.1)
    (one,) = sinks.received
    assert (one.status, one.delivered, one.text) == (None, True, "hello")


def test_a_dropped_connection_is_closed_at_once(
    sinks: AlertSinks, post: Callable[..., Any]
) -> None:
    with sinks.slack.drop(), pytest.raises(http.client.RemoteDisconnected):
        post(sinks.slack.url, HELLO, timeout=60)


def test_who_hangs_is_let_go(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    demand = sinks.slack.hang()
    threading.Timer(0.05, demand.lift).start()
    with pytest.raises(http.client.RemoteDisconnected):
        post(sinks.slack.url, HELLO, timeout=60)


def test_connections_can_be_refused(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    with sinks.slack.refuse() as demand:
        for _ in range(2):
            with pytest.raises(urllib.error.URLError, match="refused"):
                post(sinks.slack.url, HELLO)
        assert post(sinks.webhook.url, HELLO).status == 200
    assert demand.met == 2
    assert post(sinks.slack.url, HELLO).status == 200
    assert [one.channel for one in sinks.received] == ["webhook", "slack"]


def test_a_refusal_that_nobody_can_see(sinks: AlertSinks) -> None:
    with sinks.slack.refuse(seen=False):
        pass


def test_an_invalid_message_and_a_demand_meet(sinks: AlertSinks, post: Callable[..., Any]) -> None:
    with sinks.slack.expect_invalid(), sinks.slack.drop(), pytest.raises(OSError):  # noqa: PT011
        post(sinks.slack.url, {})
    assert not sinks.delivered


@pytest.mark.parametrize("kind", ["fail", "delay", "hang", "drop", "refuse", "expect_invalid"])
def test_a_demand_that_nothing_meets_does_not_pass(sinks: AlertSinks, kind: str) -> None:
    arguments = [5.0] if kind == "delay" else []
    demand = getattr(sinks.slack, kind)(*arguments)
    with pytest.raises(UnmetDemandError, match=rf"slack\.{kind}\(.*nothing met it"), demand:
        pass
    sinks.check()


def test_a_demand_must_be_met_as_often_as_it_says(
    sinks: AlertSinks, post: Callable[..., Any]
) -> None:
    sinks.slack.fail(times=2)
    post(sinks.slack.url, HELLO)
    with pytest.raises(AssertionError) as caught:
        sinks.check()
    assert str(caught.value) == (
        "alert_sinks.slack.fail(500, times=2) was demanded 2 times, and met 1"
    )


def test_the_error_of_a_block_comes_before_that_of_its_demand(sinks: AlertSinks) -> None:
    with pytest.raises(KeyError), sinks.slack.fail():
        raise KeyError("mine")
    with pytest.raises(AssertionError, match="nothing met it"):
        sinks.check()


def test_nonsense_is_refused(sinks: AlertSinks) -> None:
    with pytest.raises(SinkError, match="a status from 300 to 599"):
        sinks.slack.fail(200)
    with pytest.raises(SinkError, match="seconds from 0 on"):
        sinks.slack.delay(-1)
    with pytest.raises(SinkError, match="times must be at least 1"):
        sinks.slack.fail(500, times=0)
    sinks.check()
