"""Which tests have to do with Redis: the others must not pay for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

FIXTURE = "_nadia_redis"


def uses_redis(item: pytest.Item) -> bool:
    return FIXTURE in getattr(item, "fixturenames", ())


def mentions_redis(item: pytest.Item) -> bool:
    """Whether a fixture of the test, ours or the project's, may be named like one of ours."""
    names = getattr(item, "fixturenames", ())
    return any("redis" in name or name.startswith("assert_") for name in names)


def asked_for(config: pytest.Config) -> str:
    """The Redis that the option or else the ini file names, or ""."""
    given: str | None = config.option.nadia_redis
    ini: str = config.getini("nadia_redis")
    return ini if given is None else given
