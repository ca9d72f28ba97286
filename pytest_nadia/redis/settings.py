"""`[tool.nadia.redis]` of pyproject.toml: how a project's tests use Redis."""

from __future__ import annotations

import difflib
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from pytest_nadia.redis.table import may_hold_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Level = Literal["error", "note", "off"]
Variable = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]

LINTS = {
    "NAD401": "connection-left-open",
    "NAD402": "key-without-expiry",
    "NAD403": "blocking-command",
    "NAD404": "repeated-command",
    "NAD405": "deprecated-command",
    "NAD406": "foreign-redis",
}
LEVELS = ["error", "note", "off"]
EVERY_LINT = "all"
_EITHER = 'it is "error", "note" or "off"'


class SettingsError(Exception):
    """The table cannot be used; one line that names the place and what would be right."""


class RedisSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[tool.nadia.redis]`."""

    autouse: Annotated[
        list[Name],
        Meta(description="paths under which every test has an empty Redis without asking"),
    ] = msgspec.field(default_factory=list)
    env: Annotated[
        list[Variable],
        Meta(description="environment variables that hold the URL of the test's Redis"),
    ] = msgspec.field(default_factory=lambda: ["REDIS_URL"])
    expires: Annotated[
        list[Name], Meta(description="globs of keys that must not be left without an expiry")
    ] = msgspec.field(default_factory=list)
    lints: Annotated[
        dict[str, Level],
        Meta(description='what a lint is, by number or name, or "all"; default: note'),
    ] = msgspec.field(default_factory=dict)
    repeated: Annotated[
        Count, Meta(description="how often a test may send one command for one key by itself")
    ] = 20
    elements: Annotated[
        Count, Meta(description="how many elements a read without a limit may give")
    ] = 1000

    def level(self, number: str) -> Level:
        """What a lint is, by its number: its own entry counts before that of "all"."""
        for word in (number, LINTS[number], EVERY_LINT):
            if word in self.lints:
                return self.lints[word]
        return "note"


def read_settings(root: Path) -> RedisSettings:
    """The table of the `pyproject.toml` in a folder, or the defaults where there is none.

    Raises:
        SettingsError: the file or the table cannot be used.
    """
    path = root / "pyproject.toml"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return RedisSettings()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if not may_hold_table(content):
        return RedisSettings()
    return parse_settings(_table(path, content))


def parse_settings(table: object) -> RedisSettings:
    """The typed settings from the parsed table `[tool.nadia.redis]`.

    Raises:
        SettingsError: an unknown key or lint (the nearest name is suggested) or a wrong type.
    """
    if isinstance(table, dict):
        _refuse_unknown(table)
        if isinstance(lints := table.get("lints"), dict):
            _refuse_unknown_lints(lints, "pyproject.toml: [tool.nadia.redis] lints")
    try:
        return msgspec.convert(table, RedisSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"pyproject.toml: {_place_first(str(error))}") from None


def with_lints(settings: RedisSettings, lints: Mapping[str, str]) -> RedisSettings:
    """Settings in which `lints`, as a test's marker names them, count before the project's own.

    Raises:
        SettingsError: an unknown lint or level; the nearest name is suggested.
    """
    _refuse_unknown_lints(lints, "lints")
    kept = {} if EVERY_LINT in lints else _by_number(settings.lints)
    merged: Any = kept | _by_number(lints)
    return msgspec.structs.replace(settings, lints=merged)


def _by_number(lints: Mapping[str, str]) -> dict[str, str]:
    numbers = {name: number for number, name in LINTS.items()}
    return {numbers.get(word, word): level for word, level in lints.items()}


def _table(path: Path, content: bytes) -> object:
    try:
        parsed: Any = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    nadia = parsed.get("tool", {})
    nadia = nadia.get("nadia", {}) if isinstance(nadia, dict) else {}
    if not isinstance(nadia, dict):
        raise SettingsError(
            f"pyproject.toml: tool.nadia: expected a table, got {nadia!r}: "
            "write its keys below [tool.nadia]"
        )
    return nadia.get("redis", {})


def _refuse_unknown(table: dict[Any, Any]) -> None:
    known = [field.name for field in msgspec.structs.fields(RedisSettings)]
    for key in table:
        if key not in known:
            raise SettingsError(
                f"pyproject.toml: [tool.nadia.redis] has no key {key!r}{_nearest(key, known)}"
            )


def _refuse_unknown_lints(lints: Mapping[Any, Any], where: str) -> None:
    known = [EVERY_LINT, *LINTS, *LINTS.values()]
    for word, level in lints.items():
        if word not in known:
            raise SettingsError(f"{where}: there is no lint {word!r}{_nearest(str(word), known)}")
        if level not in LEVELS:
            raise SettingsError(f"{where}: {word} cannot be {level!r}; {_EITHER}")


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(known))}"


def _place_first(message: str) -> str:
    text, _, place = message.partition(" - at `$")
    return f"tool.nadia.redis{place.rstrip('`')}: {text[:1].lower()}{text[1:]}"
