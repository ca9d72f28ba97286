"""The channels, each against a small server or program of its own."""

from __future__ import annotations

import asyncio
import email
import json
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.smtp import SMTP

from companion import payloads
from companion.alert_state import StateFile
from companion.alerts import Alert, AlertManager
from companion.channels import CommandChannel, HttpChannel, MailChannel, from_settings
from companion.config import from_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from companion.alerts import Channel

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NASTY = '<!channel> & @everyone "; touch pwned; $(touch pwned) `touch pwned`\n.\r\nBcc: x@y.org'


def alert(title: str = "Redis is down", text: str = "no answer within 2 s") -> Alert:
    return Alert("health", "critical", title, text, AT)


def send(channel: Channel, path: Path, what: Alert | None = None) -> str:
    """Why it was not delivered, or nothing."""
    manager = AlertManager([channel], StateFile(path / "alerts.json"))
    return asyncio.run(manager.send(what or alert())).reason


FAILED = "every channel failed"


@dataclass
class Web:
    """A server that keeps what is posted to it, and answers with `status`, or never."""

    status: int = 200
    answers: bool = True
    url: str = ""
    received: list[tuple[str, Any]] = field(default_factory=list)

    def serve(self) -> ThreadingHTTPServer:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.received.append((self.path, json.loads(body)))
                if not web.answers:
                    time.sleep(0.3)
                    return
                self.send_response(web.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    with found.serve() as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook?wait=1"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        server.shutdown()


def http(web: Web, payload: Any = payloads.plain, seconds: float = 5.0) -> HttpChannel:
    return HttpChannel("web", web.url, payload, seconds)


def test_a_webhook_is_given_everything(web: Web, tmp_path: Path) -> None:
    assert send(http(web), tmp_path) == ""
    assert web.received == [
        (
            "/hook?wait=1",
            {
                "key": "health",
                "severity": "critical",
                "title": "Redis is down",
                "text": "no answer within 2 s",
                "at": "2026-03-01T12:00:00+00:00",
            },
        )
    ]


@pytest.mark.parametrize("status", [204, 299])
def test_a_status_of_success_is_a_delivery(web: Web, tmp_path: Path, status: int) -> None:
    web.status = status
    assert send(http(web), tmp_path) == ""


@pytest.mark.parametrize("status", [302, 307, 400, 404, 429, 500])
def test_any_other_status_is_a_failure_and_not_followed(
    web: Web, tmp_path: Path, status: int
) -> None:
    web.status = status
    assert send(http(web), tmp_path) == FAILED
    assert len(web.received) == 1


def test_an_answer_that_does_not_come_is_a_delivery(web: Web, tmp_path: Path) -> None:
    web.answers = False
    assert send(http(web, seconds=0.1), tmp_path) == ""
    assert len(web.received) == 1


def test_a_server_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{one.getsockname()[1]}/"
        assert send(HttpChannel("web", url, payloads.plain, 5), tmp_path) == FAILED


@contextmanager
def silent_port() -> Iterator[int]:
    """Connections are taken by the system, and nobody ever reads or writes."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


def test_a_mail_server_that_says_nothing_is_a_failure(tmp_path: Path) -> None:
    with silent_port() as port:
        channel = MailChannel(f"smtp://127.0.0.1:{port}", "a@b.org", ("c@d.org",), 0.1)
        assert send(channel, tmp_path) == FAILED


def test_no_encryption_is_a_failure_not_a_plain_text(tmp_path: Path) -> None:
    with silent_port() as port:
        url = f"https://127.0.0.1:{port}/"
        assert send(HttpChannel("web", url, payloads.plain, 0.1), tmp_path) == FAILED


def test_slack_sees_text_and_no_mention() -> None:
    found = payloads.slack(alert(NASTY, NASTY))
    assert found["text"].startswith("[critical] &lt;!channel&gt; &amp; @everyone")
    assert "<" not in found["text"]
    assert (found["link_names"], found["mrkdwn"]) == (False, False)


def test_slack_is_never_given_half_an_entity() -> None:
    text = payloads.slack(alert("t", "&" * 5000))["text"]
    assert 3990 < len(text) <= 4000
    assert text.endswith("&amp;")


def test_discord_mentions_nobody() -> None:
    found = payloads.discord(alert(NASTY, NASTY))
    assert found["allowed_mentions"] == {"parse": []}
    assert found["embeds"][0]["timestamp"] == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600", "&"])
def test_every_size_is_within_the_limits(letter: str) -> None:
    long = alert(letter * 9000, letter * 9000)
    slack, (embed,) = payloads.slack(long), payloads.discord(long)["embeds"]
    sizes = ((slack["text"], 4000), (embed["title"], 256), (embed["description"], 4096))
    for text, most in sizes:
        assert most // 3 < len(text.encode("utf-16-le")) // 2 <= most
    assert len(json.dumps(payloads.plain(long))) < 64_000


@dataclass
class Post:
    """A mail server that keeps what it is given."""

    says: str = "250 OK"
    refuses: str = "nobody@x.org"
    url: str = ""
    received: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, to: str, _o: Any
    ) -> str:
        if to == self.refuses:
            return "550 no such box"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message: Any = email.message_from_bytes(envelope.content, policy=default)
        self.received.append((envelope.rcpt_tos, message))
        if not self.says:
            await asyncio.sleep(0.3)
        return self.says or "250 OK"


@pytest.fixture
def post() -> Iterator[Post]:
    found = Post()
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    serving = loop.create_server(lambda: SMTP(found, hostname="x.org", loop=loop), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(serving, loop).result(5)
    found.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    asyncio.run_coroutine_threadsafe(closed(server), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


async def closed(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def mail(post: Post, *to: str, seconds: float = 5.0) -> MailChannel:
    return MailChannel(post.url, "bot@x.org", to or ("ana@x.org", "ben@x.org"), seconds)


def test_a_mail_arrives_as_it_was_meant(post: Post, tmp_path: Path) -> None:
    text = "Größe: 😀\n.\n..x\n\nend"
    assert send(mail(post), tmp_path, alert("Überlauf", text)) == ""
    ((recipients, message),) = post.received
    assert recipients == ["ana@x.org", "ben@x.org"]
    assert message["Subject"] == "[critical] Überlauf"
    assert (message["From"], message["To"]) == ("bot@x.org", "ana@x.org, ben@x.org")
    assert message["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert message.get_content().splitlines() == text.splitlines()


def test_a_text_becomes_no_header_and_no_command(post: Post, tmp_path: Path) -> None:
    assert send(mail(post), tmp_path, alert(NASTY, NASTY)) == ""
    ((_, message),) = post.received
    assert message["Bcc"] is None
    assert message["Subject"].startswith("[critical] <!channel> & @everyone")
    assert "Bcc: x@y.org" in message.get_content()


def test_a_refused_mail_is_a_failure(post: Post, tmp_path: Path) -> None:
    post.says = "554 no"
    assert send(mail(post), tmp_path) == FAILED


def test_one_recipient_that_is_refused_does_not_keep_it_from_the_others(
    post: Post, tmp_path: Path
) -> None:
    assert send(mail(post, "nobody@x.org", "ana@x.org"), tmp_path) == ""
    assert [to for to, _ in post.received] == [["ana@x.org"]]
    assert send(mail(post, "nobody@x.org"), tmp_path / "..") == FAILED


def test_a_mail_whose_answer_does_not_come_is_a_delivery(post: Post, tmp_path: Path) -> None:
    post.says = ""
    assert send(mail(post, seconds=0.15), tmp_path) == ""
    assert len(post.received) == 1


def test_a_password_is_not_sent_in_the_open(post: Post, tmp_path: Path) -> None:
    url = post.url.replace("//", "//bot:" + "s3cr3t" + "@")
    assert send(MailChannel(url, "bot@x.org", ("ana@x.org",), 5), tmp_path) == FAILED
    assert post.received == []


KEEP = (
    "import sys; open('kept', 'w').write(sys.stdin.read()); open('argv', 'w').write(str(sys.argv))"
)


def test_a_command_is_given_the_alert_and_no_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    channel = CommandChannel((sys.executable, "-c", KEEP, "$HOME;"), 10)
    assert send(channel, tmp_path, alert(NASTY, NASTY)) == ""
    assert json.loads((tmp_path / "kept").read_text())["text"] == NASTY
    assert (tmp_path / "argv").read_text() == "['-c', '$HOME;']"
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("argv", [("false",), ("/no/such/program",), ("/",)])
def test_a_command_that_fails_is_a_failure(tmp_path: Path, argv: tuple[str, ...]) -> None:
    assert send(CommandChannel(argv, 5), tmp_path) == FAILED


def test_a_command_that_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    script = "sleep 60 & echo $! > child; echo $$ > parent; wait"
    channel = CommandChannel(("sh", "-c", f"cd {tmp_path}; {script}"), 0.3)
    assert send(channel, tmp_path) == ""
    for name in ("child", "parent"):
        assert gone(int((tmp_path / name).read_text())), name


def gone(pid: int) -> bool:
    """Whether the process ends, or has ended and only its parent has not asked yet."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_what_is_set_up_is_used() -> None:
    settings = from_environment(
        {
            "COMPANION_ALERT_SLACK_URL": "https://hooks.example.org/s",
            "COMPANION_ALERT_DISCORD_URL": "https://example.org/d",
            "COMPANION_ALERT_WEBHOOK_URL": "https://example.org/w",
            "COMPANION_ALERT_SMTP_URL": "smtp://mail.example.org",
            "COMPANION_ALERT_MAIL_FROM": "bot@example.org",
            "COMPANION_ALERT_MAIL_TO": "ana@example.org, ben@example.org",
            "COMPANION_ALERT_COMMAND": "cat -u",
            "COMPANION_ALERT_SECONDS": "3",
            "COMPANION_ALERT_LOWEST": "critical",
        }
    )
    channels = from_settings(settings)
    assert [one.name for one in channels] == ["slack", "discord", "webhook", "mail", "command"]
    assert {(one.seconds, one.lowest) for one in channels} == {(3.0, "critical")}
    assert "hooks" not in repr(channels) + repr(settings)


def test_by_default_nobody_is_told() -> None:
    assert from_settings(from_environment({})) == []
