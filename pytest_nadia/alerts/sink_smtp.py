"""A mail server that takes everything and shows what came."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, Session

from pytest_nadia.alerts.payloads.mail import judge_mail
from pytest_nadia.alerts.sink_base import Sink
from pytest_nadia.alerts.sink_inbox import SinkError
from pytest_nadia.alerts.sink_smtp_server import LoopThread

if TYPE_CHECKING:
    import socket

    from aiosmtpd.smtp import Envelope

    from pytest_nadia.alerts.sink_demands import Demand
    from pytest_nadia.alerts.sink_inbox import Inbox
    from pytest_nadia.alerts.sink_time import SinkTime

_STEPS = ("MAIL", "RCPT", "DATA")


class SmtpSink(Sink):
    """Speaks SMTP without TLS, and takes any password where a sender logs in."""

    def __init__(self, inbox: Inbox, time: SinkTime, port: int) -> None:
        super().__init__("smtp", inbox, time, port)
        self._loop = LoopThread("alert_sinks.smtp", time)
        time.ask(lambda: self._loop.has_unread)
        self._start(self._loop.thread)

    def fail(self, code: int = 451, times: int | None = None, *, at: str = "DATA") -> Demand:
        """Refuse with this code (400 to 599) at the step `at`: "MAIL", "RCPT" or "DATA"."""
        if not 400 <= code <= 599:
            raise SinkError(f"fail takes a code from 400 to 599, not {code!r}")
        if at not in _STEPS:
            raise SinkError(f"fail takes at={' or '.join(_STEPS)}, not {at!r}")
        stage = "message" if at == "DATA" else at
        named = {} if at == "DATA" else {"at": at}
        demand = self._demand("fail", code, stage=stage, times=times, **named)
        demand.status = code
        return self._demands.add(demand)

    def black_hole(self, times: int | None = None) -> Demand:
        """Accept connections and never say a word; they are closed when this is lifted."""
        return self._demands.add(self._demand("black_hole", stage="greeting", times=times))

    def _serve(self, connection: socket.socket) -> None:
        self._loop.serve(connection, self._protocol)

    def _hang_up(self) -> None:
        self._loop.hang_up()

    def _protocol(self) -> asyncio.Protocol:
        if demand := self._demands.take("greeting"):
            return _Mute(demand, self._loop)
        return _Server(
            _Hooks(self),
            hostname="localhost",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_let_in,
            loop=asyncio.get_running_loop(),
        )

    def step(self, name: str) -> str:
        """The answer to a command before the message; "" if it is taken."""
        demand = self._demands.take(name)
        return f"{demand.status} demanded by the test" if demand else ""

    async def take(self, server: SMTP, envelope: Envelope) -> str:
        raw = bytes(envelope.original_content or b"")
        recipients = tuple(envelope.rcpt_tos)
        message, text, problems = judge_mail(raw, recipients)
        demand = self._demands.take("message")
        refused = next((one.text for one in problems if one.refused), "")
        status = demand.status if demand and demand.status else 554 if refused else 250
        is_silent = demand is not None and demand.kind in {"hang", "drop"}
        self._record(
            text,
            raw,
            message,
            problems,
            None if is_silent else status,
            (is_silent and not refused) or status == 250,
            recipients,
        )
        if demand is not None:
            await self._obey(demand, server)
        return f"{status} {refused or 'OK' if status in (250, 554) else 'demanded by the test'}"

    async def _obey(self, demand: Demand, server: SMTP) -> None:
        if demand.kind in {"delay", "hang"}:
            await self._wait(demand)
        if demand.kind in {"hang", "drop"} and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()

    async def _wait(self, demand: Demand) -> None:
        is_over = asyncio.Event()
        seconds = demand.seconds if demand.kind == "delay" else None
        delayed = self._time.delayed(demand, lambda: self._loop.call(is_over.set))
        with delayed, suppress(TimeoutError):
            await asyncio.wait_for(is_over.wait(), seconds)


class _Server(SMTP):
    # Ours to judge: aiosmtpd would refuse long lines where nobody sees it.
    line_length_limit = 1024 * 1024

    def _create_session(self) -> Session:
        return _Session(self.loop)


class _Session(Session):
    # aiosmtpd's own logs a warning at each login, which is none of the sender's business.
    login_data = None


class _Hooks:
    """What aiosmtpd calls, by these names."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._sink.step("MAIL"):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._sink.step("RCPT"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self._sink.take(server, envelope)


class _Mute(asyncio.Protocol):
    def __init__(self, demand: Demand, loop: LoopThread) -> None:
        self._demand, self._loop = demand, loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._demand.when_lifted(lambda: self._loop.call(transport.close))


def _let_in(*_: Any) -> AuthResult:
    return AuthResult(success=True)
