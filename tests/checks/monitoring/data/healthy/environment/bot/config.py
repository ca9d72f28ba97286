"""Settings in the ways that programs read them."""

from __future__ import annotations

import os
from os import environ, getenv

PREFIX = "BOT_"
API = "BOT_API_URL"


class BaseSettings:
    """As a library has it."""


class Settings(BaseSettings):
    field_one: int


def read(environment: dict[str, str]) -> tuple[str | None, ...]:
    token = os.environ["BOT_TOKEN"]
    window = environment.get(PREFIX + "WINDOW")
    level = getenv("BOT_LEVEL") or "INFO"
    store = environ.get("BOT_STORE", "bot.sqlite3")
    api = os.environ[API]
    os.environ["BOT_CHILD"] = "1"
    child = os.environ["BOT_CHILD"]
    home = os.environ["HOME"]
    if "BOT_MAYBE" in os.environ:
        level = os.environ["BOT_MAYBE"]
    return token, window, level, store, api, child, home
