"""`[tool.nadia]` of pyproject.toml, read into typed structs.

The structs are the validation, the defaults and the source of the JSON Schema alike.
"""

from __future__ import annotations

import difflib
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from nadia_checks.core.errors import UsageError
from pytest_nadia.redis.settings import RedisSettings, SettingsError, parse_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Percent = Annotated[float, Meta(ge=0, le=100)]
Seconds = Annotated[float, Meta(gt=0)]
Limit = Annotated[float, Meta(ge=0)]
Reason = Annotated[str, Meta(min_length=1)]
Workers = Annotated[int, Meta(ge=0)] | Literal["auto"]


class CheckOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What every check's table may hold."""

    time_limit: (
        Annotated[Seconds, Meta(description="seconds this check may take; default: the gate's")]
        | None
    ) = None


class LintOptions(CheckOptions, frozen=True):
    format: Annotated[bool, Meta(description="also require ruff's formatting")] = True


class SecurityOptions(CheckOptions, frozen=True):
    test_paths: Annotated[
        list[str], Meta(description="globs under which assert (B101) is what tests are made of")
    ] = msgspec.field(
        default_factory=lambda: [
            "tests/**",
            "test/**",
            "**/tests/**",
            "**/test/**",
            "**/test_*.py",
            "**/*_test.py",
            "**/conftest.py",
        ]
    )


class SecretsOptions(CheckOptions, frozen=True):
    exclude: Annotated[list[str], Meta(description="globs of files that are not scanned")] = (
        msgspec.field(default_factory=list)
    )


class TypesOptions(CheckOptions, frozen=True):
    args: Annotated[list[str], Meta(description="further arguments for mypy")] = msgspec.field(
        default_factory=list
    )


class MonitoringOptions(CheckOptions, frozen=True):
    paths: Annotated[
        list[str],
        Meta(description="globs of rule files and dashboards; default: those found by content"),
    ] = msgspec.field(default_factory=list)
    exclude: Annotated[list[str], Meta(description="globs of files that are not looked at")] = (
        msgspec.field(default_factory=list)
    )
    known_metrics: Annotated[
        list[str], Meta(description="globs of metrics that other programs export")
    ] = msgspec.field(default_factory=list)
    known_variables: Annotated[
        list[str], Meta(description="globs of environment variables that others read or set")
    ] = msgspec.field(default_factory=list)
    thresholds: Annotated[
        dict[str, float | str | list[float | str]],
        Meta(description="metric = number, package.module:CONSTANT, or a list of these"),
    ] = msgspec.field(default_factory=dict)


class HealthOptions(CheckOptions, frozen=True):
    check: Annotated[
        str, Meta(description="the health check: package.module:callable, or a command")
    ] = ""
    healthy: Annotated[
        str, Meta(description="package.module:callable that puts into Redis what is healthy")
    ] = ""
    store: Annotated[
        str,
        Meta(description="a SQLite file, or package.module:callable that breaks another store"),
    ] = ""
    deadline: Annotated[Seconds, Meta(description="seconds that the health check may take")] = 3
    limits: Annotated[
        dict[str, Limit],
        Meta(description='what is healthy at most, by key or glob, "cpu", "ram", "disk", "memory"'),
    ] = msgspec.field(default_factory=dict)
    except_: Annotated[
        list[str], Meta(description="faults, by name or glob, that need not be noticed")
    ] = msgspec.field(name="except", default_factory=list)


class PytestOptions(CheckOptions, frozen=True):
    args: Annotated[list[str], Meta(description="further arguments for pytest")] = msgspec.field(
        default_factory=list
    )
    workers: Annotated[
        Workers, Meta(description='pytest-xdist workers; 0 runs in one process, "auto" one a core')
    ] = "auto"
    line_floor: Annotated[Percent, Meta(description="percent of lines that tests must run")] = 80
    branch_floor: Annotated[
        Percent, Meta(description="percent of branches that tests must take")
    ] = 70


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[tool.nadia]`."""

    checks: (
        Annotated[
            list[str],
            Meta(description="the checks that must run; without it, those that apply"),
        ]
        | None
    ) = None
    skip: Annotated[
        dict[str, Reason], Meta(description="checks that are skipped, each with the reason")
    ] = msgspec.field(default_factory=dict)
    packages: Annotated[
        list[str],
        Meta(description="folders of the project's own packages; default: those found"),
    ] = msgspec.field(default_factory=list)
    time_limit: Annotated[Seconds, Meta(description="seconds a check may take")] = 600
    lint: LintOptions = LintOptions()
    security: SecurityOptions = msgspec.field(default_factory=SecurityOptions)
    secrets: SecretsOptions = msgspec.field(default_factory=SecretsOptions)
    types: TypesOptions = msgspec.field(default_factory=TypesOptions)
    monitoring: MonitoringOptions = msgspec.field(default_factory=MonitoringOptions)
    pytest: PytestOptions = msgspec.field(default_factory=PytestOptions)
    health: HealthOptions = msgspec.field(default_factory=HealthOptions)
    redis: RedisSettings = msgspec.field(default_factory=RedisSettings)


def read_pyproject(path: Path) -> dict[str, Any]:
    """The parsed file, or {} where there is none.

    Raises:
        UsageError: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def parse_config(table: object, known_checks: list[str]) -> Config:
    """The typed configuration from the parsed table `[tool.nadia]`.

    Raises:
        UsageError: an unknown key or check (the nearest name is suggested) or a wrong type.
    """
    for where, key, known in _unknown_keys(Config, table, "tool.nadia"):
        raise UsageError(f"pyproject.toml: [{where}] has no key {key!r}{nearest(key, known)}")
    _refuse_wrong_redis(table)
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise UsageError(f"pyproject.toml: {_place_first(str(error))}") from None
    if config.checks is not None and len(set(config.checks)) != max(1, len(config.checks)):
        raise UsageError(
            "pyproject.toml: tool.nadia.checks must name checks, each once; leave it out to run "
            "those that apply"
        )
    for name in [*(config.checks or []), *config.skip]:
        if name not in known_checks:
            raise UsageError(
                f"pyproject.toml: [tool.nadia] names a check {name!r} that does not exist"
                f"{nearest(name, known_checks)}"
            )
    return config


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `[tool.nadia]`."""
    return msgspec.json.schema(Config)


def nearest(word: str, known: list[str]) -> str:
    """What to say after naming a word that is not known."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(known))}"


def _unknown_keys(
    struct: type[Struct], table: object, where: str
) -> Iterator[tuple[str, str, list[str]]]:
    if not isinstance(table, dict):
        return
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in table.items():
        if key not in fields:
            yield where, key, list(fields)
        elif isinstance(inner := fields[key], type) and issubclass(inner, Struct):
            yield from _unknown_keys(inner, value, f"{where}.{key}")


def _refuse_wrong_redis(table: object) -> None:
    """The plugin reads the same table by itself, and says the same of it."""
    if isinstance(table, dict) and "redis" in table:
        try:
            parse_settings(table["redis"])
        except SettingsError as error:
            raise UsageError(str(error)) from None


def _place_first(message: str) -> str:
    text, _, place = message.partition(" - at `$")
    key = "tool.nadia" + place.rstrip("`")
    return f"{key}: {text[:1].lower()}{text[1:]}"
