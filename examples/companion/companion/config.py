"""Settings from the environment, checked together so that every error is named at once."""

from __future__ import annotations

import math
import re
import shlex
import shutil
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from companion.alerts import SEVERITIES
from companion.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from companion.alerts import Severity

_PREFIX = "COMPANION_"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SCHEMES = ("redis", "rediss", "unix")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """Durations are in seconds. `model` names an asynchronous callable, `package.module:name`."""

    # A URL may hold a password: it is not part of the repr.
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    redis_seconds: float = 2.0
    window: float = 2.0
    max_batch: int = 5
    max_wait: float = 10.0
    model: str = "companion.model:answer"
    model_seconds: float = 30.0
    sent_log: Path = Path("companion-sent.jsonl")
    store: Path = Path("companion.sqlite3")
    silence_cache_seconds: int = 60
    log_level: str = "WARNING"

    alert_slack_url: str = field(default="", repr=False)
    alert_discord_url: str = field(default="", repr=False)
    alert_webhook_url: str = field(default="", repr=False)
    alert_smtp_url: str = field(default="", repr=False)
    alert_mail_from: str = ""
    alert_mail_to: tuple[str, ...] = ()
    alert_command: tuple[str, ...] = ()
    alert_lowest: Severity = "warning"
    alert_seconds: float = 10.0
    alert_state: Path = Path("companion-alerts.json")
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9108


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.known: list[str] = []
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        self.known.append(name)
        value = self.environment.get(name, "").strip()
        return value or default

    def seconds(self, name: str, default: float) -> float:
        value = self._number(name, default)
        if not (math.isfinite(value) and 0 < value <= 3600):
            self.problems.append(f"{name} must be between 0 and 3600 seconds, not {value:g}")
        return value

    def count(self, name: str, default: int) -> int:
        value = self._number(name, default)
        if not (1 <= value <= 1_000_000 and value == int(value)):
            self.problems.append(f"{name} must be a whole number of at least 1, not {value:g}")
            return default
        return int(value)

    def _number(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            return float(text)
        except ValueError:
            self.problems.append(f"{name} must be a number, not {text!r}")
            return default

    def redis_url(self, name: str, default: str) -> str:
        url = self.text(name, default)
        self.problems += url_problems(name, url)
        return url

    def model(self, name: str, default: str) -> str:
        text = self.text(name, default)
        module, _, attribute = text.partition(":")
        if not (module and attribute):
            self.problems.append(f"{name} must have the form package.module:name, not {text!r}")
        return text

    def url(self, name: str, *schemes: str) -> str:
        """May hold a secret: it is not repeated in a problem."""
        text = self.text(name, "")
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if text and not (usable and text.isascii() and text.isprintable() and " " not in text):
            self.problems.append(f"{name} must look like {schemes[-1]}://host")
        return text

    def addresses(self, name: str) -> tuple[str, ...]:
        found = tuple(one.strip() for one in self.text(name, "").split(",") if one.strip())
        if bad := [one for one in found if not _ADDRESS.fullmatch(one)]:
            self.problems.append(f"{name} must hold mail addresses, not {bad[0]!r}")
        return found

    def command(self, name: str) -> tuple[str, ...]:
        try:
            words = tuple(shlex.split(self.text(name, "")))
        except ValueError as error:
            self.problems.append(f"{name} cannot be read as a command: {error}")
            return ()
        if words and shutil.which(words[0]) is None:
            self.problems.append(f"{name} names the program {words[0]!r}, which is not there")
        return words

    def severity(self, name: str, default: Severity) -> Severity:
        text = self.text(name, default).lower()
        for one in SEVERITIES:
            if one == text:
                return one
        self.problems.append(f"{name} must be one of {', '.join(SEVERITIES)}, not {text!r}")
        return default

    def level(self, name: str, default: str) -> str:
        text = self.text(name, default).upper()
        if text not in _LEVELS:
            self.problems.append(f"{name} must be one of {', '.join(_LEVELS)}, not {text!r}")
        return text

    def unknown(self) -> None:
        for name in sorted(self.environment):
            if name.startswith(_PREFIX) and name not in self.known:
                words = [known.removeprefix(_PREFIX) for known in self.known]
                near = get_close_matches(name.removeprefix(_PREFIX), words, 1)
                hint = f": did you mean {_PREFIX}{near[0]}?" if near else ""
                self.problems.append(f"{name} is not a setting{hint}")


def url_problems(name: str, url: str) -> list[str]:
    """What is wrong with a Redis URL, without repeating the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and (parts.port is None or parts.port > 0)
        database = parts.path.lstrip("/")
        usable = usable and (parts.scheme == "unix" or not database or database.isdecimal())
    except ValueError:
        usable = False
    return [] if usable else [f"{name} must look like redis://127.0.0.1:6379/0"]


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises ConfigError with every problem found."""
    read = _Reader(environment)
    default = Settings()
    settings = Settings(
        redis_url=read.redis_url("REDIS_URL", default.redis_url),
        redis_seconds=read.seconds("COMPANION_REDIS_SECONDS", default.redis_seconds),
        window=read.seconds("COMPANION_WINDOW", default.window),
        max_batch=read.count("COMPANION_MAX_BATCH", default.max_batch),
        max_wait=read.seconds("COMPANION_MAX_WAIT", default.max_wait),
        model=read.model("COMPANION_MODEL", default.model),
        model_seconds=read.seconds("COMPANION_MODEL_SECONDS", default.model_seconds),
        sent_log=Path(read.text("COMPANION_SENT_LOG", str(default.sent_log))),
        store=Path(read.text("COMPANION_STORE", str(default.store))),
        silence_cache_seconds=read.count(
            "COMPANION_SILENCE_CACHE_SECONDS", default.silence_cache_seconds
        ),
        log_level=read.level("COMPANION_LOG_LEVEL", default.log_level),
        alert_slack_url=read.url("COMPANION_ALERT_SLACK_URL", "http", "https"),
        alert_discord_url=read.url("COMPANION_ALERT_DISCORD_URL", "http", "https"),
        alert_webhook_url=read.url("COMPANION_ALERT_WEBHOOK_URL", "http", "https"),
        alert_smtp_url=read.url("COMPANION_ALERT_SMTP_URL", "smtp", "smtps"),
        alert_mail_from="".join(read.addresses("COMPANION_ALERT_MAIL_FROM")[:1]),
        alert_mail_to=read.addresses("COMPANION_ALERT_MAIL_TO"),
        alert_command=read.command("COMPANION_ALERT_COMMAND"),
        alert_lowest=read.severity("COMPANION_ALERT_LOWEST", default.alert_lowest),
        alert_seconds=read.seconds("COMPANION_ALERT_SECONDS", default.alert_seconds),
        alert_state=Path(read.text("COMPANION_ALERT_STATE", str(default.alert_state))),
        metrics_host=read.text("COMPANION_METRICS_HOST", default.metrics_host),
        metrics_port=read.count("COMPANION_METRICS_PORT", default.metrics_port),
    )
    read.unknown()
    if settings.max_wait < settings.window:
        read.problems.append("COMPANION_MAX_WAIT must not be shorter than COMPANION_WINDOW")
    if settings.alert_smtp_url and not (settings.alert_mail_from and settings.alert_mail_to):
        read.problems.append(
            "COMPANION_ALERT_SMTP_URL needs COMPANION_ALERT_MAIL_FROM and COMPANION_ALERT_MAIL_TO"
        )
    if settings.metrics_port > 65_535:
        read.problems.append("COMPANION_METRICS_PORT must be at most 65535")
    if read.problems:
        raise ConfigError(read.problems)
    return settings
