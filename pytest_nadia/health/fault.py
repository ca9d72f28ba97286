"""One entry of the catalogue: a fault, how it is put in, and what a good check says of it."""

from __future__ import annotations

import inspect
import re
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.reads import Reads

    Put: TypeAlias = Callable[["Bench", "Target"], AbstractContextManager[object]]
    Targets: TypeAlias = Callable[[Reads], list["Target"]]


class NeverFiredError(Exception):
    """The fault touched nothing, though the healthy run touches what it is put into."""


class NotApplicableError(Exception):
    """The fault cannot be put in here; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a fault is put into; `kind` is the key's type, `name` is shown after the fault's."""

    name: str = ""
    kind: str = ""

    @property
    def key(self) -> bytes:
        return self.name.encode("utf-8", "surrogateescape")


def once(_: Reads) -> list[Target]:
    """For a fault that any check meets."""
    return [Target()]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFault:
    """A fault.

    `put` gives a context manager in which the fault is there. `says` is a regular expression of
    which a match must be new in the check's text. `targets` are what the healthy run touches of
    what the fault is about, none if nothing; then `why_not` is the reason. `healthy` marks a case
    on the border at which a check must stay green. `sized` needs a limit, named `measure` or as
    the target; the row that is on it adds `beyond` to it.
    """

    name: str
    group: str
    put: Put
    says: str
    targets: Targets = once
    why_not: str = "the check does not look there"
    healthy: bool = False
    sized: bool = False
    measure: str = ""
    beyond: float = 1

    def row_name(self, target: Target) -> str:
        return f"{self.name}[{target.name}]" if target.name else self.name

    def expected(self, target: Target) -> re.Pattern[str]:
        """What to look for in the text: the fault's words, or those of the key's name."""
        words = [word for word in re.split(r"[^A-Za-z]+", target.name) if len(word) > 2]
        return re.compile("|".join([self.says, *map(re.escape, words)]), re.IGNORECASE)


def health_fault(
    name: str, *, says: str, group: str = "own", healthy: bool = False
) -> Callable[[Callable[[Bench], object]], HealthFault]:
    """Make a fault of a function: what stands before its `yield` puts the fault in.

    The function gets a `Bench`. It may also return a context manager.
    """

    def make(function: Callable[[Bench], object]) -> HealthFault:
        return HealthFault(
            name=name, group=group, put=_put_by(function), says=says, healthy=healthy
        )

    return make


def _put_by(function: Callable[[Bench], object]) -> Put:
    if inspect.isgeneratorfunction(function):
        managed = contextmanager(function)
        return lambda bench, _: managed(bench)

    @contextmanager
    def put(bench: Bench, _: Target) -> Iterator[None]:
        given = function(bench)
        if isinstance(given, AbstractContextManager):
            with given:
                yield
        else:
            yield

    return put
