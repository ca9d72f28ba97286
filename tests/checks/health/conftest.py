from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOT = """\
import os
import time

import redis


def fill(client):
    client.rpush("queue", "a")


def _length():
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:1")
    return redis.Redis.from_url(url, socket_timeout=0.3).llen("queue")


def good():
    try:
        waiting = _length()
    except redis.RedisError as error:
        return False, f"Redis: {error}"
    return waiting <= 5, f"{waiting} in the queue"


class Monitor:
    def check(self):
        return good()


def wrong():
    try:
        waiting = _length()
    except redis.ConnectionError:
        return True, "Redis is away for a moment"
    except redis.TimeoutError:
        time.sleep(60)
    return waiting < 5, f"{waiting} in the queue"


def red():
    return False, "the moon is full"


def blind():
    return True


def nothing():
    return None
"""
CONFIGURATION = """\
[tool.nadia.health]
check = "bot.health:{check}"
healthy = "bot.health:fill"
deadline = 1
{more}

[tool.nadia.health.limits]
queue = 5

[tool.pytest.ini_options]
pythonpath = ["src"]
"""


class MakeBot(Protocol):
    def __call__(self, check: str, more: str = "") -> Path: ...


@pytest.fixture
def make_bot(make_project: Callable[[dict[str, str]], Path]) -> MakeBot:
    """Makes a project with a bot whose health check is the function of this name."""

    def make(check: str, more: str = "") -> Path:
        return make_project(
            {
                "src/bot/__init__.py": "",
                "src/bot/health.py": BOT,
                "src/bot/lost.py": "import no_such_tokenizer\n",
                "pyproject.toml": CONFIGURATION.format(check=check, more=more),
            }
        )

    return make
