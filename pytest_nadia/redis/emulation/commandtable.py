"""What Redis 7 says of its commands: arity, flags, keys and categories."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fakeredis.model import get_all_commands_info

from pytest_nadia.redis.emulation.registry import registered_names


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """One row of COMMAND's answer. `name` is in lower case, a sub-command after a space."""

    name: str
    arity: int
    flags: frozenset[str]
    first_key: int
    last_key: int
    step: int
    categories: tuple[str, ...]


@cache
def all_facts() -> dict[str, CommandFacts]:
    """Every command that is answered, by name: Redis 7.0's, and newer ones that fakeredis has."""
    theirs = {name.decode(): _from_fakeredis(row) for name, row in get_all_commands_info().items()}
    facts = {**theirs, **_of_redis_7()}
    names = registered_names()
    containers = {name.partition(" ")[0] for name in names if " " in name}
    return {name: facts.get(name) or _unknown(name) for name in sorted(names | containers)}


def _unknown(name: str) -> CommandFacts:
    return CommandFacts(name, -2 if " " in name else -1, frozenset(), 0, 0, 0, ())


def _of_redis_7() -> dict[str, CommandFacts]:
    table = files(__package__).joinpath("data/commands.tsv").read_text(encoding="utf-8")
    return {
        row["name"]: _from_row(row) for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


def _from_row(row: dict[str, str]) -> CommandFacts:
    return CommandFacts(
        row["name"],
        int(row["arity"]),
        frozenset(row["flags"].split(",")) - {""},
        int(row["first_key"]),
        int(row["last_key"]),
        int(row["step"]),
        tuple(row["categories"].split(",")),
    )


def _from_fakeredis(row: list[object]) -> CommandFacts:
    name, arity, flags, first, last, step, categories, *_ = row
    return CommandFacts(
        _text(name).replace("|", " "),
        _number(arity),
        frozenset(_texts(flags)),
        _number(first),
        _number(last),
        _number(step),
        tuple(text.removeprefix("@") for text in _texts(categories)),
    )


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _texts(values: object) -> list[str]:
    return [_text(value) for value in values] if isinstance(values, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
