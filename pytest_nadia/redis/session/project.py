"""The project's `[tool.nadia.redis]`, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_nadia.redis.settings import RedisSettings

_SETTINGS = pytest.StashKey["RedisSettings"]()


def settings_of(config: pytest.Config) -> RedisSettings:
    """Raises pytest.UsageError with one line if the table cannot be used."""
    known = config.stash.get(_SETTINGS, None)
    if known is None:
        known = config.stash[_SETTINGS] = _read(config)
    return known


def _read(config: pytest.Config) -> RedisSettings:
    from pytest_nadia.redis.settings import SettingsError, read_settings

    try:
        return read_settings(config.rootpath)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error


def has_table(config: pytest.Config) -> bool:
    """Whether it is worth reading. Says so without a parser: most projects have no such table."""
    try:
        content = config.rootpath.joinpath("pyproject.toml").read_bytes()
    except OSError:
        return False
    if b"nadia" not in content:
        return False
    from pytest_nadia.redis.table import may_hold_table

    return may_hold_table(content)
