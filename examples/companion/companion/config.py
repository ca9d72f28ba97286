"""Settings from the environment, checked together so that every error is named at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from companion.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "COMPANION_"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SCHEMES = ("redis", "rediss", "unix")


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
    )
    read.unknown()
    if settings.max_wait < settings.window:
        read.problems.append("COMPANION_MAX_WAIT must not be shorter than COMPANION_WINDOW")
    if read.problems:
        raise ConfigError(read.problems)
    return settings
