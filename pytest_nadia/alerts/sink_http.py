"""HTTP endpoints that stand for Slack, Discord and any webhook."""

from __future__ import annotations

import math
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from pytest_nadia.alerts.payloads.verdict import Answer, Problem, parse_json, shortened
from pytest_nadia.alerts.sink_base import Sink
from pytest_nadia.alerts.sink_connections import Connections
from pytest_nadia.alerts.sink_inbox import SinkError
from pytest_nadia.alerts.sink_listener import wait_for_more

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

    from pytest_nadia.alerts.payloads.vendor import Vendor
    from pytest_nadia.alerts.payloads.webhook import Webhook
    from pytest_nadia.alerts.sink_demands import Demand
    from pytest_nadia.alerts.sink_inbox import Inbox
    from pytest_nadia.alerts.sink_time import SinkTime

_NO_JSON = "json"
_TAKEN = frozenset({"delay", "hang", "drop"})


class HttpSink(Sink):
    """Takes what its service would take, and answers as it would."""

    def __init__(self, vendor: Vendor, inbox: Inbox, time: SinkTime, port: int) -> None:
        super().__init__(vendor.channel, inbox, time, port)
        self._vendor = vendor
        self._connections = Connections()
        time.ask(lambda: self._connections.has_unread)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{self.path}"

    @property
    def path(self) -> str:
        return f"/{self._channel}"

    @property
    def largest(self) -> int:
        """Bytes of a body."""
        return self._vendor.largest

    @contextmanager
    def at_work(self, connection: socket.socket) -> Iterator[None]:
        """For what answers on the connection: no virtual time passes meanwhile."""
        with self._time.at_work(), self._connections.busy(connection):
            yield

    def fail(
        self,
        status: int = 500,
        times: int | None = None,
        *,
        retry_after: float | str | None = None,
    ) -> Demand:
        """Answer with this status; `retry_after` is the header's value, in seconds or a date."""
        if not 300 <= status <= 599:
            raise SinkError(f"fail takes a status from 300 to 599, not {status!r}")
        demand = self._demand("fail", status, times=times, retry_after=retry_after)
        demand.status, demand.retry_after = status, retry_after
        return self._demands.add(demand)

    def _serve(self, connection: socket.socket) -> None:
        name = f"alert_sinks.{self._channel}"
        self._start(self._connections.thread(name, connection, self._handle))

    def _hang_up(self) -> None:
        self._connections.hang_up()

    def _handle(self, connection: socket.socket) -> None:
        _Handler(connection, self.host, cast("Any", self))

    def take(self, path: str, raw: bytes, problems: list[Problem]) -> Answer | None:
        """Record a message that was read, and give the answer, if there is to be one."""
        payload: object = None
        if not problems:
            try:
                payload = parse_json(raw)
                problems = self._vendor.problems(payload)
            except ValueError as error:
                problems = [Problem(f"the body is no JSON: {error}", code=_NO_JSON)]
        demand = self._demands.take("message")
        answer = self._answer(path, problems, demand)
        is_taken = not any(one.refused for one in problems)
        self._record(
            self._vendor.text(payload) if payload is not None else "",
            raw,
            payload,
            problems,
            answer.status if answer else None,
            is_taken and (demand is None or demand.kind in _TAKEN),
        )
        if demand is not None and demand.kind in {"delay", "hang"}:
            self._time.wait(demand)
        return answer

    def _answer(self, path: str, problems: list[Problem], demand: Demand | None) -> Answer | None:
        if demand is not None and demand.kind in {"hang", "drop"}:
            return None
        if demand is not None and demand.kind == "fail":
            return _with_retry(self._vendor, demand)
        refused = [one for one in problems if one.refused]
        if refused:
            return self._vendor.refused(refused)
        return self._vendor.accepted(parse_qs(urlsplit(path).query))


class WebhookSink(HttpSink):
    """Takes any JSON object; a project can say more of its own with `require`."""

    def __init__(self, vendor: Webhook, inbox: Inbox, time: SinkTime, port: int) -> None:
        self._webhook = vendor
        super().__init__(vendor, inbox, time, port)

    def require(self, schema: Mapping[str, Any]) -> None:
        """Refuse what does not fit this JSON Schema too. Raises ValueError if it is none."""
        self._webhook.require(schema)


def _with_retry(vendor: Vendor, demand: Demand) -> Answer:
    after = demand.retry_after
    answer = vendor.failed(demand.status, after if isinstance(after, int | float) else None)
    if after is None:
        return answer
    header = after if isinstance(after, str) else str(math.ceil(after))
    return Answer(answer.status, answer.body, answer.content_type, {"Retry-After": header})


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1, so that a client may keep its connection."""

    protocol_version = "HTTP/1.1"
    server_version = "alert_sinks"
    # Unbuffered: what is unread is then in the socket, where it can be seen.
    rbufsize = 0

    @property
    def _sink(self) -> HttpSink:
        return cast("HttpSink", self.server)

    def handle(self) -> None:
        self.close_connection = False
        while not self.close_connection:
            wait_for_more(self.connection)
            with self._sink.at_work(self.connection):
                self.handle_one_request()

    def do_POST(self) -> None:
        problems = list(self._head_problems())
        raw = self._body(problems)
        self._reply(self._sink.take(self.path, raw, problems))

    do_GET = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_POST

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server cannot make sense of, such as TLS."""
        self.close_connection = True
        line: bytes = vars(self)["raw_requestline"]
        problem = Problem(
            f"this is no HTTP request, {shortened(line.decode('latin-1'), 40)}: "
            f"{message or code}; the URL begins with http://"
        )
        self._reply(self._sink.take(getattr(self, "path", ""), line, [problem]))

    def log_message(self, format: str, *arguments: Any) -> None:
        """What comes is recorded, not printed."""

    def _head_problems(self) -> Iterator[Problem]:
        if self.command != "POST":
            yield Problem(f"it was sent with {self.command}, a webhook takes POST")
        if urlsplit(self.path).path != self._sink.path:
            yield Problem(f"it was sent to {shortened(self.path, 60)}, not to {self._sink.url}")
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else "nothing"
        if kind != "application/json":
            yield Problem(f"its Content-Type is {kind}, not application/json")

    def _body(self, problems: list[Problem]) -> bytes:
        try:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                return self._chunks()
            return self._read(int(self.headers.get("Content-Length", "0")))
        except (ValueError, OSError) as error:
            self.close_connection = True
            problems.append(Problem(f"its body cannot be read: {error}"))
            return b""

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(20).partition(b";")[0], 16):
            body += self._read(size + 2)[:-2]
            if len(body) > self._sink.largest:
                raise ValueError(f"it has more than {self._sink.largest} bytes")
        self.rfile.readline(20)
        return body

    def _read(self, size: int) -> bytes:
        if not 0 <= size <= self._sink.largest:
            raise ValueError(f"{size} bytes, the limit is {self._sink.largest}")
        body = b""
        while len(body) < size:
            if not (more := self.rfile.read(size - len(body))):
                raise ValueError(f"it ended after {len(body)} of {size} bytes")
            body += more
        return body

    def _reply(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status, _PHRASES.get(answer.status, "Demanded"))
        headers = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


_PHRASES = {status.value: status.phrase for status in HTTPStatus}
